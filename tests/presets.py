"""Tiny systems, clips that fit them, and a walk of one through the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from longtake.engine.step import Step, rules_for, step
from longtake.engine.unroll import Clip
from longtake.geometry import Fit
from longtake.systems.protocol import AnySystem, Prompt, State
from longtake.systems.zoo import ZOO

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


def walk(system: AnySystem, clip: Clip, prompts: Mapping[int, Prompt], frames: int = 5) -> Iterator[tuple[State, Step]]:
    """Every state and step over so many frames of a clip of five, which begins again after its end."""
    state = State()
    for t in range(frames):
        with torch.no_grad():
            state, out = step(system, rules_for(system), state, clip.images[:, t % 5], prompts.get(t))
        yield state, out
