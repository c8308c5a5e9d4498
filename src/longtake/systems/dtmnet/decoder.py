"""The segmentation network of DTMNet (section 3.4), in the sizes of A-GAME, which the paper follows.

Its first 1x1 convolution takes [attention, filtered features, given mask, features of the given frame]. It is three of
them here, whose results are added: what it takes of a frame is computed once for all objects, and what it takes of a
given frame is remembered in place of its features. The skip connections' share is split off likewise.

Shapes: b batch, n objects, c width at stride 16, e width of what follows, m maps of an object, h and w the grid at
stride 16.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.backbone import Widths
from longtake.nn.decoder import conv3x3, enlarge, foreground
from longtake.systems.objects import fold, spread, unfold

DILATIONS = (1, 3, 6)


@dataclass(frozen=True)
class Skips:
    """What the refinement takes from the frame itself at strides 8 and 4, [b, e, ...], the same for all objects."""

    f8: Tensor
    f4: Tensor


class Refinement(nn.Module):
    """Twice the size: a 3x3 convolution over the coarser map and the frame's own features, as one."""

    def __init__(self, skip: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(skip, width, kernel_size=1)
        self.frame = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.coarse = conv3x3(width, width)

    def skip(self, features: Float[Tensor, "b _ h2 w2"]) -> Float[Tensor, "b e h2 w2"]:
        """The frame's share; once per frame."""
        y: Tensor = self.frame(F.relu(self.reduce(features)))
        return y

    def forward(self, coarse: Float[Tensor, "bn e h w"], skip: Float[Tensor, "bn e h2 w2"]) -> Tensor:
        return F.relu(self.coarse(enlarge(coarse, 2)) + skip)


class Decoder(nn.Module):
    """From what is known of an object to its log-odds against the background."""

    def __init__(self, features: int, maps: int, widths: Widths, width: int, narrow: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(features, width, kernel_size=1, bias=False)
        self.reference = nn.Conv2d(features, width, kernel_size=1, bias=False)
        self.maps = nn.Conv2d(maps, width, kernel_size=1)
        self.contexts = nn.ModuleList(conv3x3(width, width, dilation=dilation) for dilation in DILATIONS)
        self.join = conv3x3(len(DILATIONS) * width, width)
        self.reduce = conv3x3(width, narrow)
        self.refine8 = Refinement(widths.stride8, narrow)
        self.refine4 = Refinement(widths.stride4, narrow)
        self.predict = conv3x3(narrow, 2)

    def skips(self, f8: Tensor, f4: Tensor) -> Skips:
        """Once per frame."""
        return Skips(self.refine8.skip(f8), self.refine4.skip(f4))

    def matched(
        self, known: Float[Tensor, "b n c h w"], maps: Float[Tensor, "b n m h w"]
    ) -> Float[Tensor, "b n e h w"]:
        """What is found of each object at stride 16.

        known: what `query` takes of the filtered features plus what `reference` takes of the object's given frame.
        """
        x = F.relu(fold(known) + self.maps(fold(maps)))
        x = F.relu(self.join(torch.cat([F.relu(context(x)) for context in self.contexts], dim=1)))
        return unfold(F.relu(self.reduce(x)), maps.shape[1])

    def refined(self, matched: Float[Tensor, "b n e h w"], skips: Skips) -> Float[Tensor, "b n h16 w16"]:
        """Probabilities of each object at the frame's size."""
        n = matched.shape[1]
        x = self.refine8(fold(matched), spread(skips.f8, n))
        x = self.refine4(x, spread(skips.f4, n))
        return unfold(torch.sigmoid(enlarge(foreground(self.predict(x)), 4)[:, 0]), n)
