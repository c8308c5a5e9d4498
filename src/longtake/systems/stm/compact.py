"""A compact relative of STM for small machines: one shared encoder, a mask branch, and the last masks as a prior.

How it differs from the published system (`model`) is listed in the README beside this file.
Shapes: b batch, n objects, h height, w width of the fitted frame; f<s> features at stride s.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.geometry import Fit
from longtake.memory import bank
from longtake.memory.policy import Held, Plan, Policy
from longtake.memory.tree import owned
from longtake.nn.aggregate import Independent, soft_aggregate
from longtake.nn.attention import Reading, Similarity, attend
from longtake.nn.backbone import Backbone, Widths
from longtake.nn.decoder import Join, Refine, ResBlock, conv3x3, enlarge
from longtake.nn.precise import precise
from longtake.nn.regions import Region, regions
from longtake.systems.feedback import Feedback
from longtake.systems.objects import by_portions, fold, spread, unfold, with_others
from longtake.systems.protocol import Inputs, Look, Segmentation, Targets, VOSSystem, Written
from longtake.systems.stm.looks import Asked, looks

SIMILARITY: Similarity = "euclidean"

POSSIBLE = 0.2
"""An object may be where its probability was larger, or where more of what memory shows is its own."""


@dataclass(frozen=True)
class CompactFeatures:
    """A frame: its key, its value's share in the decoder, that one's skips, and what the memory encoder takes over."""

    key: Tensor
    share: Tensor
    skip8: Tensor
    skip4: Tensor
    f4: Tensor
    f8: Tensor
    f16: Tensor


@dataclass(frozen=True)
class CompactMemory:
    """Entries of the bank, and the last masks at stride 4: [b, n, 2, h/4, w/4], own and others'."""

    entries: tuple[bank.LocatedKeys, ...]
    last: Tensor = owned()


class ContextNeck(nn.Module):
    """Features at stride 16 that know those at stride 32."""

    def __init__(self, widths: Widths, width: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(widths.stride16, width, kernel_size=1)
        self.coarse = nn.Conv2d(widths.last, width, kernel_size=1)

    def forward(self, f16: Float[Tensor, "b _ h w"], f32: Float[Tensor, "b _ h2 w2"]) -> Float[Tensor, "b _ h w"]:
        coarse = F.interpolate(self.coarse(f32), f16.shape[-2:], mode="bilinear", align_corners=False)
        y: Tensor = self.fine(f16) + coarse
        return y


class MaskEncoder(nn.Module):
    """The value of an object in a frame, from its mask, the others', and the frame's own features."""

    def __init__(self, widths: Widths, context: int, value: int, base: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, base, kernel_size=7, stride=2, padding=3)
        self.down4 = conv3x3(base, 2 * base, stride=2)
        self.image4 = nn.Conv2d(widths.stride4, 2 * base, kernel_size=1)
        self.block4 = ResBlock(2 * base, 2 * base)
        self.down8 = conv3x3(2 * base, 4 * base, stride=2)
        self.image8 = nn.Conv2d(widths.stride8, 4 * base, kernel_size=1)
        self.block8 = ResBlock(4 * base, 4 * base)
        self.down16 = conv3x3(4 * base, value, stride=2)
        self.image16 = nn.Conv2d(context, value, kernel_size=1)
        self.block16 = ResBlock(value, value)
        self.value = conv3x3(value, value)

    def forward(
        self, masks: Float[Tensor, "b n 2 h w"], f4: Tensor, f8: Tensor, f16: Tensor
    ) -> Float[Tensor, "b n v h2 w2"]:
        n = masks.shape[1]
        x = self.down4(F.relu(self.stem(fold(masks))))
        x = self.block4(x + spread(self.image4(f4), n))
        x = self.block8(self.down8(F.relu(x)) + spread(self.image8(f8), n))
        x = self.block16(self.down16(F.relu(x)) + spread(self.image16(f16), n))
        return unfold(self.value(F.relu(x)), n)


class Decoder(nn.Module):
    """An object's probability from what was read, the frame's value and skips, and the last masks at every stride."""

    def __init__(self, widths: Widths, value: int, decoder: tuple[int, int, int]) -> None:
        super().__init__()
        d16, d8, d4 = decoder
        self.join = Join(value, value, d16, after=2)
        self.block16 = ResBlock(d16, d16)
        self.refine8 = Refine(widths.stride8, d16, d8)
        self.refine4 = Refine(widths.stride4, d8, d4)
        self.prior8 = conv3x3(2, d16)
        self.prior4 = conv3x3(2, d8)
        self.predict = conv3x3(d4, 1)

    def forward(
        self,
        found: Float[Tensor, "b n v h w"],
        share: Float[Tensor, "b e h w"],
        skip8: Float[Tensor, "b c h8 w8"],
        skip4: Float[Tensor, "b d h4 w4"],
        last: Float[Tensor, "b n 2 h4 w4"],
    ) -> Float[Tensor, "b n h16 w16"]:
        n = found.shape[1]
        p4 = fold(last).to(found.dtype)
        p8 = F.avg_pool2d(p4, 2)
        x = self.join.merge(torch.cat([fold(found), F.avg_pool2d(p8, 2)], dim=1), spread(share, n))
        x = self.block16(x)
        x = self.refine8.merge(spread(skip8, n) + self.prior8(p8), x)
        x = self.refine4.merge(spread(skip4, n) + self.prior4(p4), x)
        score = enlarge(precise(self.predict(F.relu(x))), 4)
        return unfold(torch.sigmoid(score[:, 0]), n)


class CompactSTM(VOSSystem[CompactFeatures, CompactMemory]):
    """STM's memory with one shared encoder: keys come from the image alone, so they serve query and memory alike."""

    fit = Fit(multiple=16)
    capacity = None
    merge: Independent = "product"
    feedback: Feedback = "soft"
    accepts_policy = True
    parts = ("see", "recall", "remember")

    def __init__(
        self,
        backbone: Backbone,
        neck: ContextNeck,
        key: nn.Conv2d,
        value: nn.Conv2d,
        masks: MaskEncoder,
        decoder: Decoder,
        *,
        policy: Policy,
        top: int | None,
        given: float,
        margin: int | None,
    ) -> None:
        super().__init__()
        self.backbone, self.neck, self.key, self.value = backbone, neck, key, value
        self.mask_encoder, self.decoder = masks, decoder
        self.policy, self.top, self.given, self.margin = policy, top, given, margin

    def encode(self, inputs: Inputs) -> CompactFeatures:
        return CompactFeatures(*self.see(inputs.images))

    def see(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The features of a frame, in the order of their fields."""
        f4, f8, f16, f32 = self.backbone.features(self.backbone.stem(images))
        active = F.relu(self.neck(f16, f32))
        skip8, skip4 = self.decoder.refine8.skip(f8), self.decoder.refine4.skip(f4)
        return self.key(active), self.decoder.join.share(self.value(active)), skip8, skip4, f4, f8, active

    def begin(self, features: CompactFeatures, targets: Targets, plan: Plan) -> Written[CompactMemory]:
        return Written(self._write(features, targets, (), plan))

    def segment(
        self, features: CompactFeatures, memory: CompactMemory, valid: Bool[Tensor, "b n"], time: int
    ) -> Segmentation:
        bias = bank.bias(memory.entries, self.given, self.slots)
        asked = features.key, features.share, features.skip8, features.skip4
        if self._local:
            objects = self._recall_locally(features, memory, bias)
        elif self.slots is None:
            keys, each = bank.parts(memory.entries)
            objects = by_portions(lambda last, *some: self._recall(keys, some, bias, *asked, last), memory.last, *each)
        else:
            fixed, values = bank.stack(memory.entries, self.slots)
            objects = by_portions(lambda some, last: self.recall(fixed, some, bias, *asked, last), values, memory.last)
        return Segmentation(soft_aggregate(objects, valid, self.merge), Asked(features.key))

    def recall(
        self,
        keys: Float[Tensor, "b 1 c m"],
        values: Float[Tensor, "b n v m"],
        bias: Float[Tensor, " m"] | None,
        key: Float[Tensor, "b c h16 w16"],
        share: Tensor,
        skip8: Tensor,
        skip4: Tensor,
        last: Float[Tensor, "b n 2 h4 w4"],
    ) -> Float[Tensor, "b n h w"]:
        """The probability of some objects, from what was remembered of them and what is seen."""
        return self._recall([keys], [values], bias, key, share, skip8, skip4, last)

    def _recall(
        self,
        keys: Sequence[Float[Tensor, "b 1 c _"]],
        values: Sequence[Float[Tensor, "b n v _"]],
        bias: Float[Tensor, " m"] | None,
        key: Float[Tensor, "b c h16 w16"],
        *seen: Tensor,
    ) -> Float[Tensor, "b n h w"]:
        found = attend(keys, values, key.flatten(2), SIMILARITY, self.top, bias)
        y: Tensor = self.decoder(found.unflatten(3, key.shape[-2:]), *seen)
        return y

    def remember(
        self, masks: Float[Tensor, "b n 2 h w"], f4: Tensor, f8: Tensor, f16: Tensor
    ) -> Float[Tensor, "b n v h16 w16"]:
        """The values of some objects in a frame."""
        y: Tensor = self.mask_encoder(masks, f4, f8, f16)
        return y

    def memorize(
        self, features: CompactFeatures, targets: Targets, trace: Any, memory: CompactMemory, plan: Plan
    ) -> Written[CompactMemory]:
        return Written(self._write(features, targets, bank.kept(memory.entries, plan), plan))

    def trim(self, memory: CompactMemory, plan: Plan) -> CompactMemory:
        return replace(memory, entries=bank.kept(memory.entries, plan))

    def held(self, memory: CompactMemory) -> tuple[Held, ...]:
        return bank.held(memory.entries)

    def looks(self, memory: CompactMemory, trace: Asked, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        return looks(trace, memory.entries, masks, SIMILARITY, self.top, self.given)

    @property
    def _local(self) -> bool:
        """Whether objects are worked on in regions about them: not where shapes are fixed."""
        return self.local and self.margin is not None and self.slots is None

    def _regions(self, likely: Float[Tensor, "b n h16 w16"]) -> list[Region]:
        assert self.margin is not None
        return list(regions(likely > POSSIBLE, self.margin))

    def _recall_locally(
        self, features: CompactFeatures, memory: CompactMemory, bias: Float[Tensor, " m"] | None
    ) -> Float[Tensor, "b n h w"]:
        """What `recall` gives where an object was, or where what memory shows is its own; 0 elsewhere."""
        keys, values = bank.parts(memory.entries)
        reading = Reading(keys, features.key.flatten(2), SIMILARITY, self.top, bias, hold=True)
        h, w = features.key.shape[-2:]
        areas = [entry.areas.flatten(2)[:, :, None] for entry in memory.entries]
        shown = reading.read(areas)[:, :, 0].unflatten(2, (h, w))
        positions = torch.arange(h * w, device=shown.device).reshape(1, h, w)
        objects: Tensor = shown.new_zeros(*shown.shape[:2], 16 * h, 16 * w)
        for place in self._regions(torch.maximum(shown, F.max_pool2d(memory.last[:, :, 0], 4))):
            where, clips = place.cut(positions).flatten(), slice(place.clip, place.clip + 1)
            found = reading.read([place.whose(part) for part in values], where, clips).unflatten(3, place.size)
            seen = place.frame(features.share), place.frame(features.skip8, 2), place.frame(features.skip4, 4)
            place.put(objects, self.decoder(found, *seen, place.own(memory.last, 4)), 16)
        return objects

    def _remember_locally(
        self, masks: Float[Tensor, "b n 2 h w"], f4: Tensor, f8: Tensor, f16: Tensor
    ) -> Float[Tensor, "b n v h16 w16"]:
        """What `remember` gives about each object; elsewhere the value of what is none of it, the same for all objects.

        Where that would be more work, `remember` itself.
        """
        places = self._regions(F.max_pool2d(masks[:, :, 0], 16))
        if sum(math.prod(place.size) for place in places) > (masks.shape[1] - 1) * f16[:, 0].numel():
            return by_portions(lambda some: self.remember(some, f4, f8, f16), masks)
        everything = masks[:, :1].sum(dim=2, keepdim=True).clamp(0, 1)
        nothing = self.remember(torch.cat([torch.zeros_like(everything), everything], dim=2), f4, f8, f16)
        values = nothing.repeat(1, masks.shape[1], 1, 1, 1)
        for place in places:
            seen = place.frame(f4, 4), place.frame(f8, 2), place.frame(f16)
            place.put(values, self.remember(place.own(masks, 16), *seen))
        return values

    def _write(
        self, features: CompactFeatures, targets: Targets, entries: tuple[bank.LocatedKeys, ...], plan: Plan
    ) -> CompactMemory:
        masks = with_others(targets)
        if plan.writes:
            seen = features.f4, features.f8, features.f16
            if self._local:
                values = self._remember_locally(masks, *seen)
            else:
                values = by_portions(lambda some: self.remember(some, *seen), masks)
            areas = F.avg_pool2d(F.max_pool2d(masks[:, :, 0], 4), 4)
            entries = (*entries, bank.LocatedKeys(plan.time, plan.role, features.key[:, None], values, areas))
        return CompactMemory(entries, unfold(F.avg_pool2d(fold(masks), 4), masks.shape[1]))
