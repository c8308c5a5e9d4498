"""The feature pyramid decoder of AOT: from what the layers found to log-odds of every identity at stride 4.

Shapes: b batch, c channels, h height, w width; f<s> features at stride s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.backbone import Widths
from longtake.nn.precise import precise


@dataclass(frozen=True)
class Skips:
    """What the decoder takes from the frame itself, the same for all objects."""

    f16: Tensor
    f8: Tensor
    f4: Tensor

    @property
    def planes(self) -> tuple[Tensor, Tensor, Tensor]:
        """From the coarsest to the finest."""
        return self.f16, self.f8, self.f4


class NormedConv(nn.Module):
    """A convolution, group normalisation, and only what is positive of it."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.GroupNorm(8, outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ h w"]:
        return F.relu(self.norm(self.conv(x)))


class PyramidDecoder(nn.Module):
    """Twice up by a factor of two, the frame's own features added at each size."""

    def __init__(self, inputs: int, width: int, backbone: Widths, identities: int) -> None:
        super().__init__()
        half = width // 2
        self.join = NormedConv(inputs, width, 1)
        self.skip16 = nn.Conv2d(backbone.stride16, width, kernel_size=1)
        self.skip8 = nn.Conv2d(backbone.stride8, width, kernel_size=1)
        self.skip4 = nn.Conv2d(backbone.stride4, half, kernel_size=1)
        self.refine16 = NormedConv(width, width, 3)
        self.refine8 = NormedConv(width, half, 3)
        self.refine4 = NormedConv(half, half, 3)
        self.predict = nn.Conv2d(half, 1 + identities, kernel_size=1)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def skips(self, f4: Tensor, f8: Tensor, f16: Tensor) -> Skips:
        """What this decoder adds from a frame; once per frame."""
        return Skips(self.skip16(f16), self.skip8(f8), self.skip4(f4))

    def forward(self, found: Sequence[Float[Tensor, "b c h w"]], skips: Skips) -> Float[Tensor, "b _ h4 w4"]:
        x = self.refine16(self.join(torch.cat(list(found), dim=1)) + skips.f16)
        x = self.refine8(resize(x, skips.f8) + skips.f8)
        x = self.refine4(resize(x, skips.f4) + skips.f4)
        return precise(self.predict(x))


def resize(x: Float[Tensor, "b c h w"], like: Tensor) -> Float[Tensor, "b c h2 w2"]:
    """Bilinear, corners upon corners, to the size of another map."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)
