"""Parameter groups and the rate of each step."""

from typing import Any

import torch
from torch import nn

from longtake.training.recipe import Recipe, Stage


def build_optimizer(system: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over what is not frozen: the backbone at its share of the rate, no decay on biases and norms.

    Each group carries `share`, by which the rate of a step is multiplied.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in system.named_parameters():
        if name.startswith(recipe.frozen):
            parameter.requires_grad_(False)
            continue
        share = recipe.backbone_rate if "backbone" in name else 1.0
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    described: list[dict[str, Any]] = [
        {"params": parameters, "share": share, "weight_decay": decay} for (share, decay), parameters in groups.items()
    ]
    return torch.optim.AdamW(described, lr=1.0)


def rate_at(stage: Stage, step: int) -> float:
    """Linear warm-up, then constant, then linear decay over the last share of the stage."""
    warm = min(1.0, (step + 1) / max(1, stage.warm_up))
    falling = stage.decay * stage.steps
    left = min(1.0, (stage.steps - step) / falling) if falling else 1.0
    return stage.rate * warm * left


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of a rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]
