"""What a space-time memory read looks at: the soft weights of an object's pixels, frame by frame (STM, figure 5).

Shapes: b batch, n objects, c key channels, h height, w width at stride 16.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from longtake.memory import bank
from longtake.nn.attention import Similarity, mean_affinity
from longtake.systems.protocol import Look


@dataclass(frozen=True)
class Asked:
    """What was asked of the memory: the frame's query key [b, c, h, w]. The weights themselves are not kept."""

    key: Tensor


def looks(
    asked: Asked,
    entries: Sequence[bank.E],
    masks: Float[Tensor, "b n H W"],
    similarity: Similarity,
    top: int | None,
    given: float = 0.0,
) -> tuple[Look, ...]:
    """A look per entry. A query position counts by how much of it the mask covers, so that small objects have one.

    given: see `bank.bias`.
    """
    h, w = asked.key.shape[-2:]
    areas = F.adaptive_avg_pool2d(masks.float(), (h, w)).flatten(2)
    weights = mean_affinity(
        bank.stack_keys(entries), asked.key.flatten(2), areas, similarity, top, bank.bias(entries, given)
    )
    grids = weights.reshape(*weights.shape[:2], len(entries), h, w).unbind(dim=2)
    return tuple(Look("memory", entry.time, grid) for entry, grid in zip(entries, grids, strict=True))
