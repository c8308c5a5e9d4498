"""What the memory is read for: for each object, where in the crops of past frames its query finds what it asks for.

Shapes: b batch, n objects, s side of a crop, q its positions, h and w the fitted frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from longtake.memory import bank
from longtake.nn.boxes import cropped
from longtake.nn.precise import precise
from longtake.systems.dmn_aoa.template import weights
from longtake.systems.objects import fold, unfold
from longtake.systems.protocol import Look

STRIDE = 16
"""Of the grid on which is told where in a frame was looked."""


@dataclass(frozen=True)
class Asked:
    """What was asked of the memory: queries [b, n, c / 4, s, s], and the boxes [b, n, 4] that they are of."""

    query: Tensor
    boxes: Tensor


def looks(asked: Asked, entries: Sequence[bank.CroppedKeys], masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
    """A look per remembered frame; a position of the query counts by how much of the object's area it covers.

    An object that lies outside of the box that was asked for counts with all of it.
    """
    (b, n), side, (h, w) = masks.shape[:2], asked.query.shape[-1], masks.shape[2:]
    grid, found = (-(-h // STRIDE), -(-w // STRIDE)), list[Look]()
    areas = unfold(cropped(fold(masks)[:, None], fold(asked.boxes)[:, None], side, 1)[:, 0], n).flatten(2)
    there = masks.flatten(2).any(dim=2, keepdim=True)
    areas = torch.where(areas.sum(dim=2, keepdim=True) > 0, areas, 1.0) * there
    shares = precise(areas) / areas.sum(dim=2, keepdim=True).clamp(min=torch.finfo(areas.dtype).tiny)
    with torch.autocast(masks.device.type, enabled=False):
        read = (shares[:, :, None] @ weights(asked.query, entries))[:, :, 0]
    for entry, part in zip(entries, read.split([e.keys[0, 0, 0].numel() for e in entries], dim=2), strict=True):
        spread = part.new_zeros(b, n, grid[0] * grid[1]).scatter_add(2, _cells(entry, grid), part)
        found.append(Look("memory", entry.time, spread.unflatten(2, grid)))
    return tuple(found)


def _cells(entry: bank.CroppedKeys, grid: tuple[int, int]) -> Tensor:
    """The cell of the frame's grid in which each position of a crop lies, [b, n, q]."""
    rows, columns = entry.keys.shape[-2:]

    def along(low: Tensor, high: Tensor, count: int, last: int) -> Tensor:
        middles = (torch.arange(count, device=low.device) + 0.5) / count
        place = low[..., None] + (high - low)[..., None] * middles
        return (place / STRIDE).long().clamp(0, last - 1)

    x0, y0, x1, y1 = entry.boxes.unbind(dim=-1)
    y, x = along(y0, y1, rows, grid[0]), along(x0, x1, columns, grid[1])
    return (y[..., :, None] * grid[1] + x[..., None, :]).flatten(2)
