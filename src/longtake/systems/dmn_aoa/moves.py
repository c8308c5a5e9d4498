"""Proposals of an object's own, which need no detector: its last mask moved and scaled, as objects move between frames.

Shapes: b batch, n objects, k proposals, h4 and w4 the grid at stride 4.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from longtake.nn.boxes import resampled
from longtake.systems.dmn_aoa.memory import STRIDE
from longtake.systems.objects import fold, unfold

Move = tuple[float, float, float]
"""To the right and down, as shares of the mean side of the object's box, and how many times as large."""


def _ring(radius: float, count: int, scale: float) -> list[Move]:
    angles = (2 * math.pi * i / count for i in range(count))
    return [(radius * math.cos(angle), radius * math.sin(angle), scale) for angle in angles]


IN_PLACE: Move = (0.0, 0.0, 1.0)

MOVES = (
    IN_PLACE,
    (0.0, 0.0, 0.9),
    *_ring(0.05, 8, 1.0),
    *_ring(0.12, 8, 1.05),
    *_ring(0.25, 8, 1.1),
    *_ring(0.45, 4, 1.1),
)
"""Thirty of them, denser near by; how good the best of them is, `benchmarks/proposals.py` measures."""

PLACES = tuple(((x + 0.5) / 6, (y + 0.5) / 5) for y in range(5) for x in range(6))
"""Where in the frame an object is looked for that was not to be seen in the last one."""


def moved_boxes(
    boxes: Float[Tensor, "b n 4"], visible: Bool[Tensor, "b n"], size: tuple[int, int], *, still: bool
) -> Float[Tensor, "b n k 4"]:
    """Where an object may be: about its last place, or all over the frame where it was lost; not cut at the edges.

    size: height and width of the fitted frame. still: only where it was.
    """
    moves = boxes.new_tensor([IN_PLACE] if still else MOVES)
    centre, sides = (boxes[..., 2:] + boxes[..., :2]) / 2, boxes[..., 2:] - boxes[..., :2]
    mean = sides.prod(dim=-1, keepdim=True).clamp(min=0).sqrt()
    middles = centre[:, :, None] + mean[:, :, None] * moves[:, :2]
    halves = sides[:, :, None] * moves[:, 2:] / 2
    if not still:
        everywhere = boxes.new_tensor(PLACES) * boxes.new_tensor([size[1], size[0]])
        seen = visible[:, :, None, None]
        middles = torch.where(seen, middles, everywhere)
        halves = torch.where(seen, halves, sides[:, :, None] / 2)
    return torch.cat([middles - halves, middles + halves], dim=-1)


def moved_masks(
    masks: Float[Tensor, "b n h4 w4"], boxes: Float[Tensor, "b n 4"], targets: Float[Tensor, "b n k 4"]
) -> Float[Tensor, "b n k h4 w4"]:
    """Each object's mask, of which `boxes` are the boxes, warped into each of its moved boxes."""
    size = (masks.shape[2], masks.shape[3])
    found = resampled(fold(masks), fold(boxes) / STRIDE, fold(targets), size, STRIDE)
    return unfold(found, masks.shape[1])
