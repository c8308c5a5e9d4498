"""Boxes of objects, what features hold within them, and maps moved from one box to another.

Boxes are x0, y0, x1, y1 in pixels of the fitted frame, edges of pixels and not their centres: a box about the first
pixel is 0, 0, 1, 1. Shapes: b batch, n objects, c channels, h and w a map's size, s side of a crop.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.ops import roi_align

from longtake.nn.precise import precise

Boxes = Float[Tensor, "*shape 4"]

SAMPLES = 2
"""Samples per side of a crop's cell."""


def tight_boxes(inside: Bool[Tensor, "*shape h w"]) -> tuple[Boxes, Bool[Tensor, "*shape"]]:
    """The smallest boxes about what is marked, and where there is anything marked; elsewhere boxes of zeros."""
    sides = list[Tensor]()
    for axis in (-2, -1):
        marks = inside.any(dim=axis).int()
        first, back = marks.argmax(dim=-1), marks.flip(-1).argmax(dim=-1)
        sides += [first, marks.shape[-1] - back]
    seen = inside.flatten(-2).any(dim=-1)
    boxes = torch.stack([sides[0], sides[2], sides[1], sides[3]], dim=-1).float()
    return boxes * seen[..., None], seen


def widened(boxes: Boxes, factor: float, least: float, size: tuple[int, int]) -> Boxes:
    """Boxes about the same centre, `factor` times as large and no side below `least`, cut and moved into the frame.

    size: height and width of the frame. A box outside of it becomes one at its edge.
    """
    frame = boxes.new_tensor([size[1], size[0]])
    centre, sides = (boxes[..., 2:] + boxes[..., :2]) / 2, boxes[..., 2:] - boxes[..., :2]
    half = torch.minimum((factor * sides).clamp(min=least), frame.expand_as(sides)) / 2
    low, high = (centre - half).clamp(min=0), torch.minimum(centre + half, frame)
    # what is cut off keeps the least side
    shortest = torch.minimum(2 * half, torch.full_like(half, least))
    low = torch.minimum(low, frame - shortest)
    return torch.cat([low, torch.maximum(high, low + shortest)], dim=-1)


def cropped(maps: Float[Tensor, "b c h w"], boxes: Float[Tensor, "b n 4"], side: int, stride: int) -> Tensor:
    """What maps at a stride hold within boxes, [b, n, c, s, s] (RoIAlign, two samples per side of a cell)."""
    b, n = boxes.shape[:2]
    number = torch.arange(b, device=boxes.device).repeat_interleave(n)
    # in half precision boxes would be rounded to whole pixels and more
    whole = precise(maps)
    which = torch.cat([number[:, None].to(whole), boxes.flatten(0, 1).to(whole)], dim=1)
    found: Tensor = roi_align(whole, which, side, 1 / stride, SAMPLES, aligned=True)
    crops: Tensor = found.unflatten(0, (b, n)).to(maps.dtype)
    return crops


def resampled(
    maps: Float[Tensor, "m h w"],
    source: Float[Tensor, "m 4"],
    targets: Float[Tensor, "m k 4"],
    size: tuple[int, int],
    stride: int,
) -> Float[Tensor, "m k h2 w2"]:
    """Maps on which what was in the source box is in each of k target boxes; 0 where nothing comes to be.

    source: in pixels of the maps themselves. targets: in pixels of the frame, on whose grid of so many rows and columns
    at a stride the result lies. In float32 at least.
    """
    maps, source, targets = precise(maps), precise(source), precise(targets)
    h, w = size
    axes = []
    for axis, (count, own) in enumerate(((w, maps.shape[2]), (h, maps.shape[1]))):
        place = (torch.arange(count, device=maps.device, dtype=targets.dtype) + 0.5) * stride
        low, high = targets[:, :, axis, None], targets[:, :, axis + 2, None]
        start, end = source[:, None, axis, None], source[:, None, axis + 2, None]
        axes.append(2 * (start + (place - low) / (high - low) * (end - start)) / own - 1)
    across, down = axes[0][:, :, None].expand(-1, -1, h, -1), axes[1][:, :, :, None].expand(-1, -1, -1, w)
    grid = torch.stack([across, down], dim=4).flatten(1, 2).to(maps)
    found = F.grid_sample(maps[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    moved: Tensor = found[:, 0].unflatten(1, (-1, h))
    return moved
