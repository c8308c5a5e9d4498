"""Where a position lies in its frame, and when a frame was seen, as sines and cosines (Vaswani et al.; DETR)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

TEMPERATURE = 1e4


def sinusoid(height: int, width: int, channels: int, like: Tensor) -> Float[Tensor, "hw c"]:
    """Half of the channels tell the row, half the column, each from 0 to 2 pi over the frame (AOT: counted from 0).

    like: a tensor whose device and precision it takes, float32 at least. channels: a multiple of 4.
    """
    dtype = torch.promote_types(like.dtype, torch.float32)
    rates = TEMPERATURE ** -(torch.arange(channels // 4, dtype=dtype, device=like.device) / (channels // 4))

    def waves(count: int) -> Float[Tensor, "s c"]:
        steps = torch.arange(count, dtype=dtype, device=like.device) * (2 * math.pi / max(1, count - 1))
        angles = steps[:, None] * rates
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)

    rows, columns = waves(height)[:, None], waves(width)[None]
    return torch.cat([rows.expand(-1, width, -1), columns.expand(height, -1, -1)], dim=2).flatten(0, 1)


def moments(offsets: Float[Tensor, "*shape"], channels: int) -> Float[Tensor, "*shape c"]:
    """Offsets in frames: sin(d / 10000^(2i / c)) in channel 2i, the cosine of the same in channel 2i + 1."""
    steps = torch.arange((channels + 1) // 2, dtype=offsets.dtype, device=offsets.device)
    angles = offsets[..., None] * TEMPERATURE ** -(2 * steps / channels)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :channels]
