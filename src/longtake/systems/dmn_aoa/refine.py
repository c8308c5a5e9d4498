"""The mask refinement network: a decoder over the first, the previous and the current frame (sections 3.1 and 3.4).

Its first convolution at each level takes [features, mask] of all three frames side by side. It is a sum of convolutions
here, so that what it takes of the frames themselves is computed once for all objects.

Shapes: b batch, n objects, w<i> the width at a level, h and w the grid of a level.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.align import carried
from longtake.nn.decoder import ResBlock, conv3x3, enlarge, foreground
from longtake.systems.dmn_aoa.memory import Pyramid
from longtake.systems.dmn_aoa.norm import Norm
from longtake.systems.objects import fold, unfold

Which = Literal["current", "first", "previous"]

FINER = (1, 2, 4)
"""How many times as fine as stride 16 each level is, the coarsest first."""


class Level(nn.Module):
    """One step: the frames' features at this stride, three masks, and what the coarser step gave."""

    def __init__(self, features: int, width: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.current = conv3x3(features, width)
        self.first, self.previous = (_share(features, width) for _ in range(2))
        self.masks = _share(3, width)
        self.skip_block, self.merge_block = ResBlock(width, width, norm), ResBlock(width, outputs, norm)

    def forward(
        self, frames: Float[Tensor, "bn _ h w"], masks: Float[Tensor, "bn 3 h w"], coarser: Tensor | None
    ) -> Float[Tensor, "bn _ h w"]:
        """frames: what `current`, `first` and `previous` take of them, in sum."""
        x = self.skip_block(frames + self.masks(masks))
        y: Tensor = self.merge_block(x if coarser is None else x + enlarge(coarser, 2))
        return y


class Refinement(nn.Module):
    """Three levels from stride 16 to stride 4; two channels from the last."""

    def __init__(self, features: Sequence[int], widths: Sequence[int], norm: Norm) -> None:
        """features: channels of the pyramid, widths: of the levels; both from the coarsest to the finest."""
        super().__init__()
        outputs = (*widths[1:], widths[-1])
        self.levels = nn.ModuleList(Level(*sizes, norm) for sizes in zip(features, widths, outputs, strict=True))
        self.predict = nn.Conv2d(widths[-1], 2, kernel_size=1)

    def of_frame(self, which: Which, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What every level takes of a frame, if it is another than the current one brought into line with that."""
        pairs = zip(self.levels, features, strict=True)
        return tuple(level.get_submodule(which)(x) for level, x in pairs)

    def forward(
        self, frames: Sequence[Float[Tensor, "b n _ _ _"]], masks: Float[Tensor, "b n 3 h4 w4"]
    ) -> Float[Tensor, "b n h w"]:
        """An object's probability at the frame's size. masks: coarse, first and previous, at stride 4."""
        x: Tensor | None = None
        for level, shared, finer in zip(self.levels, frames, FINER, strict=True):
            x = level(fold(shared), F.avg_pool2d(fold(masks), FINER[-1] // finer), x)
        assert x is not None
        return unfold(torch.sigmoid(enlarge(foreground(self.predict(F.relu(x))), 4)[:, 0]), masks.shape[1])


def in_line(weights: Float[Tensor, "b p q"] | None, pyramid: Pyramid) -> tuple[Tensor, ...]:
    """A frame's features brought into line with another's, level by level; as they are without weights."""
    if weights is None:
        return pyramid.levels
    return tuple(carried(weights, x, finer) for x, finer in zip(pyramid.levels, FINER, strict=True))


def _share(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
