"""Losses over the log-odds of a frame.

Shapes: b batch, n objects, h height, w width; channel 0 of log-odds is the background.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def bootstrapped_cross_entropy(
    log_odds: Float[Tensor, "b _ h w"], ids: Int[Tensor, "b h w"], share: float
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the worst `share` of each clip's pixels (1: all of them), as in STCN and AOT."""
    losses = F.cross_entropy(log_odds, ids, reduction="none").flatten(1)
    if share >= 1:
        return losses.mean()
    return losses.topk(max(1, int(share * losses.shape[1])), dim=1, sorted=False).values.mean()


def dice(
    log_odds: Float[Tensor, "b _ h w"], ids: Int[Tensor, "b h w"], valid: Bool[Tensor, "b n"]
) -> Float[Tensor, ""]:
    """1 - (2 sum(P G) + 1) / (sum(P) + sum(G) + 1) per object, mean over the valid objects (XMem)."""
    probabilities = log_odds.softmax(dim=1)[:, 1:]
    names = torch.arange(1, probabilities.shape[1] + 1, device=ids.device)
    truth = (ids[:, None] == names[:, None, None]).float()
    both = (probabilities * truth).sum((2, 3))
    either = probabilities.sum((2, 3)) + truth.sum((2, 3))
    per_object = 1 - (2 * both + 1) / (either + 1)
    return (per_object * valid).sum() / valid.sum().clamp(min=1)


def bootstrap_share(progress: float, smallest: float, start: float = 0.2, end: float = 0.7) -> float:
    """The share of pixels that count, falling linearly from 1 to `smallest` over a part of training."""
    along = min(1.0, max(0.0, (progress - start) / (end - start)))
    return 1 - (1 - smallest) * along
