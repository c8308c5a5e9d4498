"""Adaptive object alignment: one feature map recomposed in the shape of another (DMN-AOA, section 3.3).

Shapes: c channels, p positions of the template, q positions of what is aligned with it; h and w a grid, k how many
times finer another one is.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from longtake.nn.precise import precise

Compare = Literal["mean", "flat"]
"""mean: the cosine at each position, averaged; flat: one cosine of both maps as long vectors."""


def correspondence(
    template: Float[Tensor, "*shape c p"], other: Float[Tensor, "*other c q"], sharpness: float
) -> Float[Tensor, "*out p q"]:
    """How much of each position of `other` belongs to each of the template's; sums to one over q (equation 2).

    sharpness: alpha, by which cosines are multiplied before the softmax. In float32 at least.
    """
    with torch.autocast(template.device.type, enabled=False):
        cosines = F.normalize(precise(template), dim=-2).transpose(-2, -1) @ F.normalize(precise(other), dim=-2)
        return (sharpness * cosines).softmax(dim=-1)


def aligned(weights: Float[Tensor, "*shape p q"], other: Float[Tensor, "*other c q"]) -> Float[Tensor, "*out c p"]:
    """`other` recomposed position by position (equation 3)."""
    with torch.autocast(other.device.type, enabled=False):
        return precise(other) @ weights.transpose(-2, -1)


def likeness(
    template: Float[Tensor, "*shape c p"], other: Float[Tensor, "*other c p"], compare: Compare
) -> Float[Tensor, "*out"]:
    """Cosine similarity of two maps of the same positions, in [-1, 1]."""
    template, other = precise(template), precise(other)
    if compare == "flat":
        return F.cosine_similarity(template.flatten(-2), other.flatten(-2), dim=-1)
    return F.cosine_similarity(template, other, dim=-2).mean(dim=-1)


def carried(weights: Float[Tensor, "b p q"], finer: Float[Tensor, "b c hk wk"], k: int) -> Float[Tensor, "b c hk wk"]:
    """A map k times as fine as the grid of the weights, aligned: neighbourhoods of k x k go as one."""
    folded = F.pixel_unshuffle(finer, k)
    return F.pixel_shuffle(aligned(weights, folded.flatten(2)).unflatten(2, folded.shape[2:]), k)
