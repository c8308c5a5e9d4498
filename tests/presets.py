"""Tiny systems, and clips that fit them."""

from collections.abc import Callable

import numpy as np
import torch

from longtake.engine.unroll import Clip
from longtake.geometry import Fit
from longtake.systems.protocol import AnySystem
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
