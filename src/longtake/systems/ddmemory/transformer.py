"""The long-short-term transformer of AOT, which DDMemory builds upon: one block per layer (AOT, section 4).

Shapes: b batch, p positions at stride 16, m positions of long-term memory, c channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from longtake.geometry import Size
from longtake.nn.attention import multi_head
from longtake.nn.local_attention import LocalAttention
from longtake.nn.recurrent import GatedMap
from longtake.systems.ddmemory.memory import Layer

Tokens = Float[Tensor, "b p c"]


@dataclass(frozen=True)
class Asked:
    """What a layer has seen of a frame, and the keys that it asks memory with, both [b, p, c]."""

    seen: Tensor
    keys: Tensor


@dataclass(frozen=True)
class Passed:
    """A frame's pass through all layers, over a grid of positions."""

    layers: tuple[Asked, ...]
    grid: Size


def to_map(x: Tokens, grid: Size) -> Float[Tensor, "b c h w"]:
    """Positions laid out over their grid, as a view whose strides are those of channels_last: so nothing is copied."""
    return x.reshape(len(x), *grid, -1).permute(0, 3, 1, 2)


def to_tokens(x: Float[Tensor, "b c h w"]) -> Tokens:
    """Positions row by row, a view where channels lie last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


class SelfAttention(nn.Module):
    """Attention of a frame to itself; queries and keys know their place, values do not."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.projection = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tokens, position: Float[Tensor, "p c"]) -> Tokens:
        placed = x + position
        y: Tensor = self.projection(multi_head(self.query(placed), self.key(placed), self.value(x), self.heads))
        return y


class FeedForward(nn.Module):
    """Two linear layers with a depthwise 5x5 convolution between them, by which neighbours meet."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.expand, self.reduce = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm = nn.GroupNorm(32, inner)
        self.mix = nn.Conv2d(inner, inner, kernel_size=5, padding=2, groups=inner, bias=False)

    def forward(self, x: Tokens, size: Size) -> Tokens:
        inner = F.gelu(self.norm(to_map(self.expand(x), size)))
        y: Tensor = self.reduce(to_tokens(self.mix(inner)))
        return y


class GlobalMemory(nn.Module):
    """A layer's recurrent memory: keys and values in one unit, or each in its own (LVOS, equation 2)."""

    def __init__(self, units: Sequence[GatedMap]) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)

    def forward(self, frame: Layer, state: Layer, grid: Size) -> Layer:
        inputs, before = (to_map(torch.cat([x.keys, x.values], dim=2), grid) for x in (frame, state))
        shares = zip(self.units, inputs.chunk(len(self.units), 1), before.chunk(len(self.units), 1), strict=True)
        after = torch.cat([unit(own, past) for unit, own, past in shares], dim=1)
        return Layer(*to_tokens(after).chunk(2, dim=2))


class Block(nn.Module):
    """Self-attention, long-term and short-term attention to memory, and a feed-forward network, each on top of x.

    Queries and keys are the same, so that a frame is remembered by the keys it asked with.
    """

    def __init__(
        self, width: int, heads: int, radius: int, inner: int, drop: float, global_memory: GlobalMemory
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm_self, self.norm_memory, self.norm_forward, self.norm_out = (nn.LayerNorm(width) for _ in range(4))
        self.self_attention = SelfAttention(width, heads)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.long_term = nn.Linear(width, width)
        self.short_term = LocalAttention(width, heads, radius)
        self.feed_forward = FeedForward(width, inner)
        self.drop = StochasticDepth(drop, mode="row")
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        nn.init.zeros_(self.short_term.relative_value)
        self.global_memory = global_memory

    def ask(self, x: Tokens, position: Float[Tensor, "p c"]) -> tuple[Tokens, Asked]:
        """What follows self-attention, and what is asked of memory."""
        x = x + self.drop(self.self_attention(self.norm_self(x), position))
        seen = self.norm_memory(x)
        return x, Asked(seen, self.key(seen))

    def remember(self, asked: Asked, identity: Tokens) -> Layer:
        """A frame's keys and values, once it is known who is where."""
        return Layer(asked.keys, self.value(asked.seen + identity))

    def read(
        self,
        x: Tokens,
        asked: Asked,
        far: Layer | None,
        near: Layer | None,
        grid: Size,
        bias: Float[Tensor, " m"] | None = None,
    ) -> Tokens:
        """What long-term (far) and short-term (near) memory tell, on top of x; what is None is not read.

        bias: added to the scores of each position of long-term memory.
        """
        if far is not None:
            x = x + self.long_term(multi_head(asked.keys, far.keys, far.values, self.heads, bias))
        if near is not None:
            maps = (each.reshape(len(x), *grid, -1) for each in (asked.keys, near.keys, near.values))
            x = x + self.short_term(*maps).flatten(1, 2)
        found: Tensor = x + self.drop(self.feed_forward(self.norm_forward(x), grid))
        return found
