"""Tiny systems, clips that fit them, and a walk of one through the other."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from longtake.engine.step import Step, rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.systems.protocol import AnySystem, Prompt, State
from longtake.systems.teaching import Teaching
from longtake.systems.zoo import ZOO
from longtake.testing.contract import given as prompt
from longtake.training.batch import make_batch
from longtake.training.objective import objective

__all__ = ["DISTINCT", "Rendered", "perturbed", "prompt", "unreached", "walk"]

Rendered = tuple[list[np.ndarray], list[np.ndarray]]

DISTINCT = {preset.tiny(): name for name, preset in reversed(ZOO.items())}
"""Tiny presets, each under the first name that has it: those of large backbones are alike."""


def unreached(
    system: AnySystem, teaching: Teaching, clip: Clip, least: float = 0.0, proposals: Tensor | None = None
) -> set[str]:
    """The parameters that learn no more than `least` from a clip of two objects, by what the teaching says."""
    ids = (clip.masks[:, :, 0] + 2 * clip.masks[:, :, 1]).to(torch.uint8)
    batch = make_batch((clip.images * 255).to(torch.uint8), ids, torch.device("cpu"), proposals=proposals)
    found, outputs = objective(Unroll(system.train(), rules_for(system)), teaching, 0.0, batch)
    assert all(torch.isfinite(out).all() for out in outputs)
    found["loss"].backward()
    return {name for name, p in system.named_parameters() if p.grad is None or p.grad.abs().max() <= least}


def perturbed(system: AnySystem) -> AnySystem:
    """Away from initial zeros, behind which nothing would learn."""
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return system


def walk(system: AnySystem, clip: Clip, prompts: Mapping[int, Prompt], frames: int = 5) -> Iterator[tuple[State, Step]]:
    """Every state and step over so many frames of a clip of five, which begins again after its end."""
    state = State()
    for t in range(frames):
        with torch.no_grad():
            state, out = step(system, rules_for(system), state, clip.images[:, t % 5], prompts.get(t))
        yield state, out
