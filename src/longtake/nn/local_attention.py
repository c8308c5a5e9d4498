"""Attention to a window around the same place of another frame (AOT, section 4.2: short-term attention).

Exact, by tiles: a tile of queries is compared with the keys within reach of any of them, its halo, as one dense
product, of which the window of each query is a strided view: no window is ever copied.

Shapes: b batch, n objects, h and w the grid, c = g x d its channels, g heads. Of some rows of tiles: t tiles, q queries
in each (TILE^2), k keys in the halo of each ((TILE + 2 radius)^2), o offsets ((2 radius + 1)^2, row by row).
"""

from collections.abc import Iterator
from itertools import repeat

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from longtake.nn.attention import NEGLIGIBLE
from longtake.nn.precise import precise

TILE = 8
"""Side of a tile: smaller ones have more halo to copy, larger ones compare more that nothing reads."""

AT_ONCE = 2**22
"""Scores that are held together (16 MB in float32), or those of one row of tiles."""

OUTSIDE = -1e9
"""Score of what is outside of the image: no weight is left of it, and a window of nothing else is still finite."""


class LocalAttention(nn.Module):
    """Attention of every position to the (2 radius + 1)^2 window around the same place of another frame.

    A head scores an offset by the product of query and key over the root of their width, plus relative_key of the
    query; it reads the value there plus relative_value: both are learned for each offset. What is outside of the image
    is not read. All but the projection is in float32 at least, under autocast too: half precision would
    have the weights copied for products that are small beside what else is done with them.
    """

    def __init__(self, width: int, heads: int, radius: int = 7) -> None:
        super().__init__()
        window = (2 * radius + 1) ** 2
        self.heads, self.radius = heads, radius
        self.relative_key = nn.Conv2d(width, heads * window, kernel_size=1, groups=heads)
        self.relative_value = nn.Parameter(torch.zeros(heads, width // heads, window))
        self.projection = nn.Linear(width, width)

    def forward(
        self, query: Float[Tensor, "b h w c"], key: Float[Tensor, "b h w c"], value: Float[Tensor, "b h w c"]
    ) -> Float[Tensor, "b h w c"]:
        """What each position reads from its window, projected."""
        (h, w), r, rows = query.shape[1:3], self.radius, self._rows(query)
        offsets = precise(self.relative_value).transpose(1, 2)
        with torch.autocast(query.device.type, enabled=False):
            values = _tiles(_padded(self._split(value), r), r, rows)
            weights = self._weights(query, key)
            # a map lets go of what it has given before it asks for the next
            read = list(map(local_read, weights, values, repeat(offsets), repeat(r)))
        out = _grid(torch.cat(read, dim=2), columns=-(-w // TILE))[:, :h, :w]
        projected: Tensor = self.projection(out.to(value.dtype))
        return projected

    def mean_weights(
        self, query: Float[Tensor, "b h w c"], key: Float[Tensor, "b h w c"], areas: Float[Tensor, "b n h w"]
    ) -> Float[Tensor, "b n h w"]:
        """How much each object looks at each position of the key: the weights' mean over heads and over its area.

        areas: how much of each query position is the object's, 0 to 1; all 0 gives 0, any other sums to 1.
        """
        (h, w), r, areas = areas.shape[2:], self.radius, precise(areas)
        shares = areas / areas.sum(dim=(2, 3), keepdim=True).clamp(min=torch.finfo(areas.dtype).tiny)
        padded = _padded(shares.permute(0, 2, 3, 1)[..., None], 0)
        with torch.autocast(query.device.type, enabled=False):
            looks = [
                torch.einsum("bntq,btqk->bnkt", share[..., 0], _spread(weights.mean(dim=1, keepdim=True), r)[:, 0])
                for share, weights in zip(_tiles(padded, 0, self._rows(query)), self._weights(query, key), strict=True)
            ]
        size = (padded.shape[1] + 2 * r, padded.shape[2] + 2 * r)
        total = F.fold(torch.cat(looks, dim=3).flatten(1, 2), size, kernel_size=TILE + 2 * r, stride=TILE)
        return total[:, :, r : r + h, r : r + w]

    def _split(self, grid: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w g d"]:
        return precise(grid).reshape(*grid.shape[:3], self.heads, -1)

    def _rows(self, query: Float[Tensor, "b h w c"]) -> int:
        """How many rows of tiles are looked at together."""
        b, _, w, _ = query.shape
        scores = b * self.heads * -(-w // TILE) * TILE**2 * (TILE + 2 * self.radius) ** 2
        return max(1, AT_ONCE // scores)

    def _weights(
        self, query: Float[Tensor, "b h w c"], key: Float[Tensor, "b h w c"]
    ) -> Iterator[Float[Tensor, "b g t q o"]]:
        """The weights, some rows of tiles after others."""
        queries, keys, r, rows = self._split(query), self._split(key), self.radius, self._rows(query)
        root, one = queries.shape[4] ** 0.5, torch.ones_like(queries[..., :1])
        # one more channel, 1 in the queries, gives keys outside of the image their score and offsets their bias
        queries = _padded(torch.cat([queries / root, one], dim=4), 0)
        keys = torch.cat([_padded(keys, r), _padded(torch.zeros_like(one), r, OUTSIDE)], dim=4)
        assert self.relative_key.bias is not None
        weight, bias = precise(self.relative_key.weight).flatten(1), precise(self.relative_key.bias)[:, None]
        offsets = torch.cat([root * weight, bias], dim=1).view(self.heads, (2 * r + 1) ** 2, -1).transpose(1, 2)
        for some, halos in zip(_tiles(queries, 0, rows), _tiles(keys, r, rows), strict=True):
            yield local_weights(some, halos, offsets, r)


def local_weights(
    queries: Float[Tensor, "b g t q d"], keys: Float[Tensor, "b g t k d"], offsets: Float[Tensor, "g d o"], radius: int
) -> Float[Tensor, "b g t q o"]:
    """How much each query of a tile reads at each offset: softmax of its products with the key there and the offset."""
    scores: Tensor = queries.flatten(2, 3) @ offsets
    windows = _windows(queries @ keys.transpose(3, 4), radius)
    scores = scores.view_as(windows).add_(windows)
    del windows  # the largest of all, and read
    weights = scores.flatten(5).softmax(dim=5).flatten(3, 4)
    # what is read below float32's resolution is not read: such weights become numbers that processors are slow with
    return F.threshold(weights, NEGLIGIBLE, 0.0)


def local_read(
    weights: Float[Tensor, "b g t q o"],
    values: Float[Tensor, "b g t k d"],
    offsets: Float[Tensor, "g o d"],
    radius: int,
) -> Float[Tensor, "b g t q d"]:
    """What each query of a tile reads: the values of its window, and what is learned for the offsets, by weight."""
    read: Tensor = _spread(weights, radius) @ values
    return read + (weights.flatten(2, 3) @ offsets).view_as(read)


def _padded(grid: Float[Tensor, "b h w g d"], margin: int, value: float = 0.0) -> Float[Tensor, "b y x g d"]:
    """The grid filled up to whole tiles, with a margin."""
    h, w = grid.shape[1:3]
    return F.pad(grid, (0, 0, 0, 0, margin, margin + -w % TILE, margin, margin + -h % TILE), value=value)


def _tiles(padded: Float[Tensor, "b y x g d"], margin: int, rows: int) -> Iterator[Float[Tensor, "b g t s d"]]:
    """Tiles with their margin, s positions in each, some rows after others."""
    side = TILE + 2 * margin
    for some in torch.split(padded.unfold(1, side, TILE).unfold(2, side, TILE), rows, dim=1):
        yield some.permute(0, 3, 1, 2, 5, 6, 4).flatten(4, 5).flatten(2, 3)


def _grid(tiles: Float[Tensor, "b g t q d"], columns: int) -> Float[Tensor, "b y x c"]:
    """Tiles put together again."""
    b, g, _, _, d = tiles.shape
    return (
        tiles.view(b, g, -1, columns, TILE, TILE, d).permute(0, 2, 4, 3, 5, 1, 6).flatten(5).flatten(3, 4).flatten(1, 2)
    )


def _windows(dense: Float[Tensor, "b g t q k"], radius: int) -> Float[Tensor, "b g t TILE TILE window window"]:
    """A view of what each query has to do with its halo, by offset: its window moves as the query does."""
    if torch.compiler.is_exporting():  # other runtimes have no such views
        index, _ = _places(radius, dense.device)
        chosen = dense.flatten(3).index_select(3, index)
        return chosen.view(*dense.shape[:3], TILE, TILE, 2 * radius + 1, 2 * radius + 1)
    side, window = TILE + 2 * radius, 2 * radius + 1
    *outer, query, _ = dense.stride()
    steps = (TILE * query + side, query + 1, side, 1)
    return dense.as_strided((*dense.shape[:3], TILE, TILE, window, window), (*outer, *steps))


def _spread(weights: Float[Tensor, "b g t q o"], radius: int) -> Float[Tensor, "b g t q k"]:
    """The weights over the whole halo of each tile, 0 outside of each query's window."""
    if torch.compiler.is_exporting():
        _, index = _places(radius, weights.device)
        some = F.pad(weights.flatten(3), (0, 1))  # the last is the 0 of what is outside
        return some.index_select(3, index).view(*weights.shape[:4], -1)
    dense = weights.new_zeros(*weights.shape[:4], (TILE + 2 * radius) ** 2)
    windows = _windows(dense, radius)
    windows.copy_(weights.view_as(windows))
    return dense


def _places(radius: int, device: torch.device) -> tuple[Int[Tensor, " qo"], Int[Tensor, " qk"]]:
    """Where each query's window lies in its row of scores, rows one after the other; and the way back."""
    side, window = TILE + 2 * radius, 2 * radius + 1
    inside, offset = torch.arange(TILE), torch.arange(window)
    along = inside[:, None] + offset
    there = (along.view(TILE, 1, window, 1) * side + along.view(1, TILE, 1, window)).reshape(TILE**2, -1)
    index = (torch.arange(TILE**2)[:, None] * side**2 + there).flatten()
    back = torch.full((TILE**2 * side**2,), index.numel()).scatter(0, index, torch.arange(index.numel()))
    return index.to(device), back.to(device)
