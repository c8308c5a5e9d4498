"""Optimiser, parameter groups, and the rate and decay of each step."""

import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from longtake.errors import SettingError
from longtake.systems.teaching import Group, Schedule, Teaching
from longtake.training.recipe import Stage

OPTIMIZERS: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def build_optimizer(system: nn.Module, teaching: Teaching) -> torch.optim.Optimizer:
    """The optimiser over what is not frozen. Each of its groups carries which of `all_groups` it is, and if it decays.

    Biases and the weights of norms never decay. Raises SettingError where a pattern matches no parameter.
    """
    named = dict(system.named_parameters())
    for pattern in (*teaching.frozen, *(name for group in teaching.groups for name in group.names)):
        if not any(fnmatchcase(name, pattern) for name in named):
            raise SettingError(f"teaching: no parameter of {type(system).__name__} is named {pattern}")
    gathered: dict[tuple[int, bool], list[nn.Parameter]] = {}
    everything = all_groups(teaching)
    for name, parameter in named.items():
        if any(fnmatchcase(name, pattern) for pattern in teaching.frozen):
            parameter.requires_grad_(False)
            continue
        first = next(i for i, group in enumerate(everything) if any(fnmatchcase(name, p) for p in group.names))
        gathered.setdefault((first, parameter.ndim > 1), []).append(parameter)
    if not gathered:
        raise SettingError("teaching: frozen holds every parameter; nothing is left to train")
    described = [
        {"params": parameters, "group": first, "decays": decays} for (first, decays), parameters in gathered.items()
    ]
    return OPTIMIZERS[teaching.optimizer](described, lr=0.0)


def all_groups(teaching: Teaching) -> tuple[Group, ...]:
    """The groups of a stage, and one for all other parameters."""
    return (*teaching.groups, Group(names=("*",)))


def set_rates(optimizer: torch.optim.Optimizer, stage: Stage, step: int) -> float:
    """Give every group its rate and decay for a step of a stage; returns the rate of a group with a share of 1."""
    rate = stage.rate * share_at(stage.teaching.schedule, step, stage.steps)
    for part in optimizer.param_groups:
        group = all_groups(stage.teaching)[part["group"]]
        resting = step >= group.until * stage.steps
        part["lr"] = 0.0 if resting else rate * group.rate
        part["weight_decay"] = stage.teaching.weight_decay * group.decay if part["decays"] else 0.0
    return rate


def rest(optimizer: torch.optim.Optimizer) -> None:
    """Drop the gradients of what has no rate: it does not move, nor count in the norm that others are clipped by."""
    for part in optimizer.param_groups:
        if part["lr"] == 0:
            for parameter in part["params"]:
                parameter.grad = None


def share_at(schedule: Schedule, step: int, steps: int) -> float:
    """The rate of a step as a share of the stage's own."""
    if schedule.kind == "poly":
        return schedule.floor + (1 - schedule.floor) * _poly(schedule, step, steps)
    warm = min(1.0, (step + 1) / max(1, schedule.warm_up))
    progress = step / steps
    match schedule.kind:
        case "constant":
            share = 1.0
        case "linear":
            share = min(1.0, (1 - progress) / schedule.tail)
        case "drops":
            share = 1.0
            for place, factor in schedule.drops:
                share *= factor if progress >= place else 1.0
        case "exponential":
            share = schedule.factor ** (step // schedule.every)
    return warm * max(schedule.floor, share)


def _poly(schedule: Schedule, step: int, steps: int) -> float:
    """From 0 to 1 over the warm-up, then down to 0 over all that is left (AOT)."""
    if step < schedule.warm_up:
        return step / schedule.warm_up
    left: float = 1 - (step - schedule.warm_up) / (steps - schedule.warm_up)
    return float(left**schedule.power)


def build_average(system: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of a system's weights, whose decay grows with its age: (1 + n) / (10 + n) at most.

    So the random weights that a short run began with are soon forgotten.
    """

    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count)))
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, 1 - now)

    return AveragedModel(system, multi_avg_fn=torch.no_grad()(update))


def warn_of_frozen(teaching: Teaching, started: bool) -> None:
    """Say that frozen parts stay random, where a run starts from no weights."""
    if teaching.frozen and not started:
        logging.getLogger("longtake").warning(
            "frozen parts (%s) stay random: no backbone and no start is given; --set backbone=FILE, or --set "
            "teaching.frozen=[]",
            ", ".join(teaching.frozen),
        )
