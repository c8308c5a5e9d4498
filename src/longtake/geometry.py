"""Fit: the only place where sizes change.

A frame of any size is reduced to the working size, then brought to the grid that a system needs; probabilities come
back the same way. Every result is fresh storage, never a view of what came in.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Fit:
    """The grid of a system: sides are whole multiples plus an offset, reached by padding or by resizing."""

    multiple: int = 16
    offset: int = 0
    fill: Literal["zeros", "reflect", "resize"] = "zeros"

    def place(self, original: Size, short_side: int | None = None) -> "Placement":
        """Where a frame of this size goes; a short side larger than `short_side` is reduced to it."""
        working = original
        if short_side is not None and min(original) > short_side:
            scale = short_side / min(original)
            working = (max(1, round(original[0] * scale)), max(1, round(original[1] * scale)))
        fitted = (self._up(working[0]), self._up(working[1]))
        return Placement(original, fitted if self.fill == "resize" else working, fitted, self.fill)

    def _up(self, side: int) -> int:
        return max(1, -(-(side - self.offset) // self.multiple)) * self.multiple + self.offset


@dataclass(frozen=True)
class Placement:
    """A frame's way to the grid and back: original -> working (resized) -> fitted (padded, the odd pixel last)."""

    original: Size
    working: Size
    fitted: Size
    fill: Literal["zeros", "reflect", "resize"]

    def images(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Frames in [0, 1] on the grid; one smaller than its reflected margins is continued by its edge instead."""
        margins = self._margins()
        mode = "reflect" if self.fill == "reflect" else "constant"
        if mode == "reflect" and (margins[1] >= self.working[1] or margins[3] >= self.working[0]):
            mode = "replicate"
        return F.pad(_resize(images, self.working), margins, mode=mode)

    def masks(self, masks: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n h2 w2"]:
        """Masks in [0, 1] on the grid; where a mask is reduced its edge becomes soft, so thin objects survive."""
        return F.pad(_resize(masks, self.working), self._margins()).clamp_(0, 1)

    def inside(self, device: torch.device) -> Float[Tensor, "1 1 h2 w2"] | None:
        """1 on the frame, 0 on its margins; None where there are no margins."""
        if self.fitted == self.working:
            return None
        return F.pad(torch.ones(1, 1, *self.working, device=device), self._margins())

    def restore(self, probabilities: Float[Tensor, "b c h2 w2"]) -> Float[Tensor, "b c h w"]:
        """Probabilities on the original pixels (resized linearly, so they still sum to one)."""
        left, _, top, _ = self._margins()
        height, width = self.working
        inner = probabilities[..., top : top + height, left : left + width]
        if self.working == self.original:
            return inner.clone()
        return F.interpolate(inner, self.original, mode="bilinear", align_corners=False)

    def spread(self, coarse: Float[Tensor, "b c h2 w2"]) -> Float[Tensor, "b c h w"]:
        """Values, none below 0, of a coarser grid over the fitted frame: smoothly on the original pixels."""
        return self.restore(F.interpolate(coarse, self.fitted, mode="bicubic", align_corners=False).clamp(min=0))

    def _margins(self) -> tuple[int, int, int, int]:
        down, across = self.fitted[0] - self.working[0], self.fitted[1] - self.working[1]
        return across // 2, across - across // 2, down // 2, down - down // 2


def _resize(x: Tensor, size: Size) -> Tensor:
    if x.shape[-2:] == size:
        return x.clone()
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
