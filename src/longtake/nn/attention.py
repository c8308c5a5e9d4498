"""Reading a memory by attention over all its positions (STM, equations 1 and 2).

Shapes: b batch, n objects, k key sets (n, or 1 when the objects share them), c key channels, v value channels,
m memory positions (frames x height x width), q query positions.
"""

import functools
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from longtake.nn.precise import precise

NEGLIGIBLE = 1e-20
"""Weights that no sum of float32 notices."""

AT_ONCE = 2**21
"""Weights that are computed together: 8 MB."""

HELD = 3 * 2**23
"""Weights that may be held: 100 MB."""

Similarity = Literal["dot", "euclidean"]


def affinity(
    memory_keys: Float[Tensor, "b k c m"],
    query_keys: Float[Tensor, "b c q"],
    similarity: Similarity = "dot",
    top: int | None = None,
    bias: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, "b k q m"]:
    """How much each query position reads from each memory position; sums to one over m. In float32 at least.

    dot: keys' product over the root of their width, as the published STM computes it (its equation 2 leaves the root
    out). euclidean: minus the squared distance over that root; what depends on the query alone cancels in the
    softmax. top: only the best positions of each query are read. bias: of each memory position, added to its scores.
    """
    with torch.autocast(memory_keys.device.type, enabled=False):
        query, offset = _asked(query_keys, similarity), _offset(memory_keys, similarity, bias)
        return _weights(_scores(query, precise(memory_keys), offset), top)


def _asked(query_keys: Float[Tensor, "b c q"], similarity: Similarity) -> Float[Tensor, "b 1 q c"]:
    """Query keys whose product with memory keys are scores but for an offset."""
    scale = (2 if similarity == "euclidean" else 1) / query_keys.shape[1] ** 0.5
    asked: Tensor = scale * precise(query_keys).transpose(1, 2)[:, None]
    return asked


def _offset(
    memory_keys: Float[Tensor, "b k c m"], similarity: Similarity, bias: Float[Tensor, " m"] | None
) -> Float[Tensor, "b _ 1 m"] | None:
    """What a position's score has, whoever asks: its bias, and minus the square of its key."""
    offset = None if bias is None else precise(bias).expand(len(memory_keys), 1, 1, -1)
    if similarity == "euclidean":
        square = precise(memory_keys).square().sum(dim=2, keepdim=True) / memory_keys.shape[2] ** 0.5
        offset = -square if offset is None else offset - square
    return offset


def _scores(
    query: Float[Tensor, "b 1 q c"], keys: Float[Tensor, "b k c m"], offset: Tensor | None
) -> Float[Tensor, "b k q m"]:
    return query @ keys if offset is None else query @ keys + offset


def _weights(scores: Float[Tensor, "b k q m"], top: int | None) -> Float[Tensor, "b k q m"]:
    if top is not None and top < scores.shape[3]:
        best, where = scores.topk(top, dim=3)
        return torch.zeros_like(scores).scatter(3, where, best.softmax(dim=3))
    # what is read below float32's resolution is not read: such weights become numbers that processors are slow with
    if scores.requires_grad:
        return F.threshold(scores.softmax(dim=3), NEGLIGIBLE, 0.0)
    weights = scores.sub_(scores.amax(dim=3, keepdim=True)).exp_()  # in their place: there may be many
    return F.threshold(weights.div_(weights.sum(dim=3, keepdim=True)), NEGLIGIBLE, 0.0, inplace=True)


def read(memory_values: Float[Tensor, "b n v m"], weights: Float[Tensor, "b k q m"]) -> Float[Tensor, "b n v q"]:
    """What each query position reads for each object: values weighted by affinity."""
    b, n, v, m = memory_values.shape
    weights = weights.to(memory_values.dtype).transpose(2, 3)
    if weights.shape[1] == 1:
        return (memory_values.reshape(b, n * v, m) @ weights[:, 0]).reshape(b, n, v, -1)
    return memory_values @ weights


class Reading:
    """A memory of several parts as the positions of one frame read it; the parts are not put together.

    hold: compute all weights at once where they are few; else whenever they are asked for, a few positions at a time,
    so that beside the memory little is held, however large it is.
    """

    def __init__(
        self,
        memory_keys: Sequence[Float[Tensor, "b k c _"]],
        query_keys: Float[Tensor, "b c q"],
        similarity: Similarity = "dot",
        top: int | None = None,
        bias: Float[Tensor, " m"] | None = None,
        *,
        hold: bool = False,
    ) -> None:
        """bias: over the positions of all parts."""
        self.sizes, self.top = [part.shape[3] for part in memory_keys], top
        biases = [None] * len(self.sizes) if bias is None else bias.split(self.sizes)
        with torch.autocast(query_keys.device.type, enabled=False):
            offsets = (_offset(part, similarity, own) for part, own in zip(memory_keys, biases, strict=True))
            self.memory = list(zip(map(precise, memory_keys), offsets, strict=True))
            self.query = _asked(query_keys, similarity)
        self.weights = self._all() if hold and self.query.shape[2] * sum(self.sizes) <= HELD else None

    def read(
        self,
        memory_values: Sequence[Float[Tensor, "b n v _"]],
        where: Int64[Tensor, " p"] | None = None,
        clips: slice = slice(None),
    ) -> Float[Tensor, "b n v p"]:
        """What positions read for each object; where: some of the frame's only. clips: whose values these are."""
        if self.weights is not None:
            weights = self.weights[clips]
            return self._sum(memory_values, weights if where is None else weights.index_select(2, where))
        query = self.query[clips] if where is None else self.query[clips].index_select(2, where)
        parts = (self._sum(memory_values, self._weights(some, clips)) for some in query.split(self._some, dim=2))
        return torch.cat(list(parts), dim=3)

    @property
    def _some(self) -> int:
        """Positions that are read at a time."""
        return max(1, AT_ONCE // sum(self.sizes))

    def _all(self) -> Float[Tensor, "b k q m"]:
        """All weights, with no more beside them than those of a few positions."""
        b, _, q, _ = self.query.shape
        weights: Tensor = self.query.new_empty(b, self.memory[0][0].shape[1], q, sum(self.sizes))
        for some, room in zip(self.query.split(self._some, dim=2), weights.split(self._some, dim=2), strict=True):
            room.copy_(self._weights(some, slice(None)))
        return weights

    def _weights(self, query: Float[Tensor, "b _ q c"], clips: slice) -> Float[Tensor, "b k q m"]:
        with torch.autocast(query.device.type, enabled=False):
            parts = (_scores(query, keys[clips], None if own is None else own[clips]) for keys, own in self.memory)
            return _weights(torch.cat(list(parts), dim=3), self.top)

    def _sum(
        self, memory_values: Sequence[Float[Tensor, "b n v _"]], weights: Float[Tensor, "b k q m"]
    ) -> Float[Tensor, "b n v q"]:
        """In float32 at least, whatever the parts' products are in."""
        parts = zip(memory_values, weights.split(self.sizes, dim=3), strict=True)
        return functools.reduce(torch.add, (precise(read(values, own)) for values, own in parts))


def attend(
    memory_keys: Sequence[Float[Tensor, "b k c _"]],
    memory_values: Sequence[Float[Tensor, "b n v _"]],
    query_keys: Float[Tensor, "b c q"],
    similarity: Similarity = "dot",
    top: int | None = None,
    bias: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, "b n v q"]:
    """What each query position reads for each object: `read` by `affinity`, a few positions at a time."""
    return Reading(memory_keys, query_keys, similarity, top, bias).read(memory_values)


def multi_head(
    query: Float[Tensor, "b q c"],
    keys: Float[Tensor, "b m c"],
    values: Float[Tensor, "b m c"],
    heads: int,
    bias: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, "b q c"]:
    """Scaled dot-product attention of every head's share of the channels, over all of memory.

    bias: of each memory position, added to its scores.
    """

    def split(x: Float[Tensor, "b m c"]) -> Float[Tensor, "b heads m d"]:
        return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

    added = None if bias is None else bias.to(query.dtype).expand(1, 1, query.shape[1], -1)
    found = F.scaled_dot_product_attention(split(query), split(keys), split(values), added)
    return found.transpose(1, 2).flatten(2)


def mean_affinity(
    memory_keys: Float[Tensor, "b k c m"],
    query_keys: Float[Tensor, "b c q"],
    areas: Float[Tensor, "b n q"],
    similarity: Similarity = "dot",
    top: int | None = None,
    bias: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, "b n m"]:
    """How much each object reads from each memory position: its affinity, averaged over its area (STM, figure 5).

    areas: how much of each query position is the object's, 0 to 1; all 0 gives 0. An object's queries are compared with
    its own keys or with those that all share, a few at a time: the affinity of a whole frame is never held.
    """
    own = memory_keys.shape[1] > 1
    keys = (memory_keys[:, i : i + 1] if own else memory_keys for i in range(areas.shape[1]))
    means = [_mean(some, query_keys, areas[:, i], similarity, top, bias) for i, some in enumerate(keys)]
    return torch.stack(means, dim=1)


def _mean(
    memory_keys: Float[Tensor, "b 1 c m"],
    query_keys: Float[Tensor, "b c q"],
    area: Float[Tensor, "b q"],
    similarity: Similarity,
    top: int | None,
    bias: Float[Tensor, " m"] | None,
) -> Float[Tensor, "b m"]:
    b, m = len(memory_keys), memory_keys.shape[3]
    total = memory_keys.new_zeros(b, m, dtype=torch.float32)
    for some in torch.split(area.any(dim=0).nonzero().flatten(), max(1, AT_ONCE // (b * m))):
        weights = affinity(memory_keys, query_keys[:, :, some], similarity, top, bias)[:, 0]
        total = total + (area[:, some, None] * weights).sum(dim=1)
    return total / area.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
