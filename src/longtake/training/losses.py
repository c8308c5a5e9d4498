"""Losses over the log-odds of a frame, per clip, so that a mean over clips does not depend on how they are batched.

Shapes: b batch, n objects, h height, w width; channel 0 of log-odds is the background. Channels of objects that are not
valid take no part. Pixels of id 255 are void and count nowhere.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from longtake.data.labels import VOID
from longtake.systems.teaching import LossName, Teaching, along

LogOdds = Float[Tensor, "b _ h w"]
Ids = Int[Tensor, "b h w"]
Valid = Bool[Tensor, "b n"]
PerClip = Float[Tensor, "b"]


def losses(teaching: Teaching, progress: float, log_odds: LogOdds, ids: Ids, valid: Valid) -> dict[LossName, PerClip]:
    """Each loss that a stage teaches by, before its weight."""
    there = torch.cat([valid.new_ones(len(valid), 1), valid], dim=1)
    only = log_odds.masked_fill(~there[:, :, None, None], -torch.inf)
    overlaps = Overlaps(only, ids)
    found = dict[LossName, PerClip]()
    for name in teaching.losses:
        if name in OVERLAP:
            found[name] = OVERLAP[name](overlaps, there)
        else:
            share = along(teaching.hardest, progress) if name == "bootstrapped" else 1.0
            found[name] = cross_entropy(only, ids, share)
    return found


def cross_entropy(log_odds: LogOdds, ids: Ids, share: float = 1.0) -> PerClip:
    """Mean cross-entropy of the worst `share` of a clip's pixels; below 1 it is bootstrapped, as in STCN and AOT."""
    each = F.cross_entropy(log_odds, ids, reduction="none", ignore_index=VOID).flatten(1)
    counted = (ids != VOID).flatten(1).sum(dim=1).clamp(min=1)
    if share >= 1:
        return each.sum(dim=1) / counted
    kept = (share * counted).long().clamp(min=1)
    worst = each.topk(int(kept.max()), dim=1).values
    taken = torch.arange(worst.shape[1], device=worst.device) < kept[:, None]
    return (worst * taken).sum(dim=1) / kept


class Overlaps:
    """Sums over the pixels of a frame that all overlap losses share, per clip and channel [b, 1+n]."""

    def __init__(self, log_odds: LogOdds, ids: Ids) -> None:
        inside = (ids != VOID)[:, None]
        names = torch.arange(log_odds.shape[1], device=ids.device)
        self.given = ((ids[:, None] == names[:, None, None]) & inside).to(log_odds.dtype)
        self.predicted = log_odds.softmax(dim=1) * inside
        self.both = (self.predicted * self.given).sum((2, 3))
        self.sum = self.predicted.sum((2, 3)) + self.given.sum((2, 3))

    def least_and_most(self) -> tuple[Tensor, Tensor]:
        """Sums of the smaller and of the larger of prediction and truth."""
        least = torch.minimum(self.predicted, self.given).sum((2, 3))
        return least, torch.maximum(self.predicted, self.given).sum((2, 3))

    @property
    def present(self) -> Bool[Tensor, "b c"]:
        """Channels that the truth holds."""
        return self.given.flatten(2).any(dim=2)


def dice(overlaps: Overlaps, there: Bool[Tensor, "b c"]) -> PerClip:
    """1 - (2 sum(P G) + 1) / (sum(P) + sum(G) + 1), mean over the objects (XMem)."""
    return _mean((1 - (2 * overlaps.both + 1) / (overlaps.sum + 1))[:, 1:], there[:, 1:])


def dice_present(overlaps: Overlaps, there: Bool[Tensor, "b c"]) -> PerClip:
    """1 - (2 sum(P G) + 1) / (sum(P) + sum(G) + 1), mean over the channels in the truth (DDMemory)."""
    return _mean(1 - (2 * overlaps.both + 1) / (overlaps.sum + 1), there & overlaps.present)


def iou(overlaps: Overlaps, there: Bool[Tensor, "b c"]) -> PerClip:
    """1 - sum(min(P, G)) / sum(max(P, G)), mean over the objects (AGSS-VOS; LSTNet, section 3)."""
    least, most = overlaps.least_and_most()
    return _mean((1 - (least + 1e-7) / (most + 1e-7))[:, 1:], there[:, 1:])


def jaccard(overlaps: Overlaps, there: Bool[Tensor, "b c"]) -> PerClip:
    """1 - sum(P G) / (sum(P) + sum(G) - sum(P G)), smoothed by 1; mean over the channels in the truth (AOT)."""
    union = overlaps.sum - overlaps.both
    return _mean(1 - (overlaps.both + 1) / (union + 1), there & overlaps.present)


OVERLAP: Mapping[LossName, Callable[[Overlaps, Bool[Tensor, "b c"]], PerClip]] = {
    "dice": dice,
    "dice_present": dice_present,
    "iou": iou,
    "jaccard": jaccard,
}


def auxiliary(
    teaching: Teaching, progress: float, values: Tensor, ids: Ids, valid: Valid, *, any_object: bool = False
) -> PerClip:
    """The loss of an auxiliary output: its own per clip [b], or that of log-odds [b, 1+n, h', w'].

    ids: of the output's own objects, 1..n. They cost what a frame's own log-odds would. any_object: two channels, held
    against background and anything by cross-entropy. At another scale, the ids are those of the nearest pixels.
    """
    if values.ndim <= 1:
        return values.expand(len(ids))
    near = F.interpolate(ids[:, None].double(), values.shape[-2:], mode="nearest-exact")[:, 0].long()
    if any_object:
        return cross_entropy(values, torch.where(near == VOID, near, (near > 0).long()))
    found = losses(teaching, progress, values, near, valid)
    return sum((weight * found[name] for name, weight in teaching.losses.items()), values.new_zeros(len(ids)))


def _mean(values: Float[Tensor, "b c"], counted: Bool[Tensor, "b c"]) -> PerClip:
    """The mean over the channels that count; 0 where none does."""
    return torch.where(counted, values, 0).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
