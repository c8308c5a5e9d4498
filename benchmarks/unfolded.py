"""Local attention the literal way: the window of every position copied out. What the blocked one is held against."""

import torch
import torch.nn.functional as F
from torch import Tensor

from longtake.nn.local_attention import LocalAttention


def unfold(grid: Tensor, attention: LocalAttention) -> Tensor:
    """[b, h, w, c] -> [b, heads, d, offsets, h * w]; 0 outside of the image."""
    b, _, _, c = grid.shape
    window = 2 * attention.radius + 1
    columns = F.unfold(grid.permute(0, 3, 1, 2), window, padding=attention.radius)
    return columns.view(b, attention.heads, c // attention.heads, window**2, -1)


def unfolded_weights(attention: LocalAttention, query: Tensor, key: Tensor) -> Tensor:
    """[b, heads, offsets, h * w]: the softmax over each window."""
    b, h, w, _ = query.shape
    channels = query.permute(0, 3, 1, 2)
    split = channels.reshape(b, attention.heads, -1, 1, h * w)
    scores = (split / split.shape[2] ** 0.5 * unfold(key, attention)).sum(2)
    scores = scores + attention.relative_key(channels).view_as(scores)
    inside = unfold(torch.ones_like(query[:1]), attention)[:, :1, 0] > 0
    return scores.masked_fill(~inside, -torch.inf).softmax(2)


def unfolded(attention: LocalAttention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[b, h, w, c], as `attention(query, key, value)`."""
    weights = unfolded_weights(attention, query, key)
    read = (unfold(value, attention) * weights[:, :, None]).sum(3)
    read = read + torch.einsum("bgoq,gdo->bgdq", weights, attention.relative_value)
    projected: Tensor = attention.projection(read.flatten(1, 2).transpose(1, 2).reshape(query.shape))
    return projected
