"""From one probability per object to one distribution per pixel, in float32 at least.

Shapes: b batch, n objects, h height, w width; channel 0 is the background.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from longtake.nn.precise import precise

Independent = Literal["product", "minimum"]

Merge = Literal["product", "minimum", "grouped"]

CLAMP = 1e-7

GROUPED_CLAMP = 1e-5
"""What AOT clamps the probabilities of merged groups to."""

EXCLUDED = -1e10
"""The log-odds of what cannot be: finite, so that differences of two of them are numbers."""


def log_odds(probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """ln(p / (1 - p)), p clamped to [1e-7, 1 - 1e-7], in float32 at least: bfloat16 has infinite odds for 0.9999."""
    return torch.logit(precise(probability), eps=CLAMP)


def background(objects: Float[Tensor, "b n h w"], merge: Independent) -> Float[Tensor, "b 1 h w"]:
    """The probability that no object covers a pixel: a product (STM, section 3.4) or a minimum (A-GAME, AGSS-VOS)."""
    absent = 1 - precise(objects)
    if merge == "product":
        return absent.prod(dim=1, keepdim=True)
    return absent.amin(dim=1, keepdim=True)


def soft_aggregate(
    objects: Float[Tensor, "b n h w"], valid: Bool[Tensor, "b n"], merge: Independent = "product"
) -> Float[Tensor, "b 1+n h w"]:
    """Log-odds of background and objects; their softmax is the distribution over ids (STM, section 3.4).

    objects: foreground probability of each object on its own. Objects that are not valid count as absent.
    """
    objects = precise(objects) * valid[:, :, None, None]
    return log_odds(torch.cat([background(objects, merge), objects], dim=1))


def merge_cohorts(cohorts: Sequence[Float[Tensor, "b _ h w"]], merge: Merge = "product") -> Float[Tensor, "b _ h w"]:
    """Log-odds of several cohorts, each background first, as those of all their objects together."""
    if len(cohorts) == 1:
        return cohorts[0]
    if merge == "grouped":
        return _merge_groups([cohort.softmax(dim=1) for cohort in cohorts])
    clear = torch.cat([torch.sigmoid(cohort[:, :1]) for cohort in cohorts], dim=1)
    together = clear.prod(dim=1, keepdim=True) if merge == "product" else clear.amin(dim=1, keepdim=True)
    return torch.cat([log_odds(together), *(cohort[:, 1:] for cohort in cohorts)], dim=1)


def _merge_groups(groups: Sequence[Float[Tensor, "b _ h w"]]) -> Float[Tensor, "b _ h w"]:
    """Log-odds of each group's distribution, the background's their product (AOT: more objects than identities)."""
    clear = torch.cat([group[:, :1] for group in groups], dim=1).prod(dim=1, keepdim=True)
    together = torch.cat([clear, *(group[:, 1:] for group in groups)], dim=1)
    return torch.logit(together, eps=GROUPED_CLAMP).masked_fill(together == 0, EXCLUDED)
