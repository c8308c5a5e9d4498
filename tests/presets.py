"""Tiny systems, clips that fit them, and a walk of one through the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from longtake.engine.step import Step, rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.geometry import Fit
from longtake.systems.protocol import AnySystem, Prompt, State
from longtake.systems.teaching import Teaching
from longtake.systems.zoo import ZOO
from longtake.training.batch import make_batch
from longtake.training.objective import objective

Rendered = tuple[list[np.ndarray], list[np.ndarray]]

DISTINCT = {preset.tiny(): name for name, preset in reversed(ZOO.items())}
"""Tiny presets, each under the first name that has it: those of large backbones are alike."""


def fitted_clip(system: AnySystem | None, rendered: Callable[..., Rendered]) -> Clip:
    """Five frames with two objects, on the grid of a system."""
    fit = Fit() if system is None else system.fit
    images, ids = rendered(5, *fit.place((64, 96)).fitted)
    labels = torch.from_numpy(np.stack(ids))
    masks = torch.stack([labels == 1, labels == 2], dim=1).float()
    pictures = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return Clip(pictures[None], masks[None], torch.ones(1, 2, dtype=torch.bool))


def prompt(clip: Clip, frame: int = 0, ids: Sequence[int] = (1, 2)) -> Prompt:
    """The masks that a frame of the clip has of some objects."""
    columns = [i - 1 for i in ids]
    return Prompt(tuple(ids), clip.masks[:, frame, columns], clip.valid[:, columns])


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
