"""What DDMemory looks at, for people to see: the mean over layers and heads of its attention to memory.

Shapes: b batch, n objects, p positions at stride 16, m positions of memory, c channels, d channels of a head.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from longtake.geometry import Size
from longtake.nn.attention import mean_affinity
from longtake.systems.ddmemory.memory import Banks, joined
from longtake.systems.ddmemory.transformer import Block, Passed
from longtake.systems.protocol import Look


def looks(
    blocks: Sequence[Block], memory: Banks, passed: Passed, masks: Float[Tensor, "b n h w"], *, local: bool
) -> tuple[Look, ...]:
    """A look per reference, one at the global memory and, where it is read, one at the local memory."""
    grid = passed.grid
    areas = F.adaptive_avg_pool2d(masks.float(), grid)
    found, far = list[Look](), memory.reference + memory.recurrent
    if far:
        whole = zip(blocks, passed.layers, joined(far), strict=True)
        weights = _mean([_heads(asked.keys, held.keys, areas, block.heads) for block, asked, held in whole])
        shares = weights.reshape(*weights.shape[:2], len(far), *grid).unbind(dim=2)
        kinds = [False] * len(memory.reference) + [True] * len(memory.recurrent)
        parts = zip(far, shares, kinds, strict=True)
        found += [Look("long term", frame.time, share, through) for frame, share, through in parts]
    if local:
        frame = memory.local[0]
        near = [
            block.short_term.mean_weights(_rows(asked.keys, grid), _rows(held.keys, grid), areas)
            for block, asked, held in zip(blocks, passed.layers, frame.layers, strict=True)
        ]
        found.append(Look("short term", frame.time, _mean(near)))
    return tuple(found)


def _heads(
    query: Float[Tensor, "b p c"], keys: Float[Tensor, "b m c"], areas: Float[Tensor, "b n h w"], heads: int
) -> Float[Tensor, "b n m"]:
    """The attention of each object's area to memory, the mean of the heads."""
    asked, held = (x.transpose(1, 2).chunk(heads, dim=1) for x in (query, keys))
    pairs = zip(asked, held, strict=True)
    return _mean([mean_affinity(key[:, None], own, areas.flatten(2)) for own, key in pairs])


def _rows(x: Float[Tensor, "b p c"], grid: Size) -> Float[Tensor, "b h w c"]:
    return x.reshape(len(x), *grid, -1)


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean(dim=0)
