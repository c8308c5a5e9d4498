"""Features of objects: what a frame's base features hold within a box, brought to one size (section 3.1).

Shapes: b batch, p boxes, c channels, s side of a crop.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.boxes import cropped
from longtake.systems.dmn_aoa.memory import Pyramid
from longtake.systems.dmn_aoa.norm import Norm
from longtake.systems.objects import fold, unfold

Fuse = Literal["concat", "stride16"]


class BaseFeatures(nn.Module):
    """A backbone's features at strides 4, 8 and 16 through a 1x1 convolution each: the bottlenecks."""

    def __init__(self, inputs: tuple[int, int, int], widths: tuple[int, int, int], norm: Norm) -> None:
        super().__init__()
        pairs = zip(inputs, widths, strict=True)
        self.levels = nn.ModuleList(nn.Sequential(nn.Conv2d(i, w, kernel_size=1), norm(w), nn.ReLU()) for i, w in pairs)

    def forward(self, features: tuple[Tensor, ...]) -> Pyramid:
        return Pyramid(*(level(x) for level, x in zip(self.levels, features[:3], strict=True)))


class ObjectFeatures(nn.Module):
    """Crops of three levels as one, or of the coarsest alone."""

    def __init__(self, widths: tuple[int, int, int], channels: int, side: int, fuse: Fuse, norm: Norm) -> None:
        super().__init__()
        self.side, self.fuse = side, fuse
        self.join = nn.Conv2d(sum(widths) if fuse == "concat" else widths[2], channels, kernel_size=1)
        self.norm = norm(channels)

    def forward(self, pyramid: Pyramid, boxes: Float[Tensor, "b p 4"]) -> Float[Tensor, "b p c s s"]:
        levels = [(pyramid.f16, 16)]
        if self.fuse == "concat":
            levels = [(pyramid.f4, 4), (pyramid.f8, 8), *levels]
        crops = torch.cat([cropped(x, boxes, self.side, stride) for x, stride in levels], dim=2)
        return unfold(self._joined(fold(crops)), boxes.shape[1])

    def whole(self, pyramid: Pyramid) -> Float[Tensor, "b 1 c h w"]:
        """The same of the whole frame at stride 16."""
        levels = [pyramid.f16]
        if self.fuse == "concat":
            levels = [F.avg_pool2d(pyramid.f4, 4), F.avg_pool2d(pyramid.f8, 2), *levels]
        return self._joined(torch.cat(levels, dim=1))[:, None]

    def _joined(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.join(x)))
