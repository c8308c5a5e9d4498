"""Where half precision would not do."""

import torch
from jaxtyping import Float
from torch import Tensor


def precise(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The tensor in float32, or in float64 where it is."""
    return x if x.dtype is torch.float64 else x.float()
