"""STM as published: two encoders, keys and values of past frames, a softmax over all of memory (Oh et al., ICCV 2019).

Equations and their place in this file are listed in the README beside it.
Shapes: b batch, n objects, h height, w width of the fitted frame; f<s> features at stride s.
"""

import functools
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
from longtake.nn.aggregate import Independent, soft_aggregate
from longtake.nn.attention import Similarity, attend
from longtake.nn.backbone import Backbone
from longtake.nn.decoder import Join, Refine, ResBlock, conv3x3, enlarge
from longtake.nn.precise import precise
from longtake.systems.feedback import Feedback
from longtake.systems.objects import by_portions, fold, spread, unfold, with_others
from longtake.systems.protocol import Inputs, Look, Segmentation, Targets, VOSSystem, Written
from longtake.systems.stm.looks import Asked, looks

SIMILARITY: Similarity = "dot"


@dataclass(frozen=True)
class STMFeatures:
    """A frame: query key [b, c, ...], its value's share in the decoder, that one's skips, the memory encoder's stem."""

    key: Tensor
    share: Tensor
    skip8: Tensor
    skip4: Tensor
    stem: Tensor


@dataclass(frozen=True)
class STMMemory:
    """One entry per remembered frame."""

    entries: tuple[bank.OwnedKeys, ...]


class KeyValue(nn.Module):
    """Key and value of features at stride 16, two 3x3 convolutions without activation (section 3.1)."""

    def __init__(self, inputs: int, key: int, value: int) -> None:
        super().__init__()
        self.key = conv3x3(inputs, key)
        self.value = conv3x3(inputs, value)

    def forward(self, f16: Float[Tensor, "b _ h w"]) -> tuple[Tensor, Tensor]:
        return self.key(f16), self.value(f16)


class MemoryEncoder(nn.Module):
    """A backbone whose stem also sees the object's mask and, with the others channel, all other objects'."""

    def __init__(self, backbone: Backbone, others_channel: bool) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.widths.stem
        size, stride = backbone.stem_conv.kernel_size[0], backbone.stem_conv.stride[0]

        def stem() -> nn.Conv2d:
            return nn.Conv2d(1, width, size, stride, padding=size // 2, bias=False)

        self.mask_stem = stem()
        self.others_stem = stem() if others_channel else None

    def forward(self, stem: Float[Tensor, "b c h2 w2"], masks: Float[Tensor, "b n 2 h w"]) -> Tensor:
        both = fold(masks)
        if self.others_stem is None:
            own = self.mask_stem(both[:, :1])
        else:
            weight = torch.cat([self.mask_stem.weight, self.others_stem.weight], dim=1)
            own = F.conv2d(both, weight, stride=self.mask_stem.stride, padding=self.mask_stem.padding)
        return self.backbone.features(spread(stem, masks.shape[1]) + own)[-1]


class Decoder(nn.Module):
    """An object's probability from what was read and the query frame (section 3.3)."""

    def __init__(self, value: int, skip8: int, skip4: int, width: int) -> None:
        super().__init__()
        self.join = Join(value, value, width)
        self.block16 = ResBlock(width, width)
        self.refine8 = Refine(skip8, width, width)
        self.refine4 = Refine(skip4, width, width)
        self.predict = conv3x3(width, 2)

    def forward(
        self,
        found: Float[Tensor, "bn v h w"],
        share: Float[Tensor, "bn e h w"],
        skip8: Float[Tensor, "bn c h8 w8"],
        skip4: Float[Tensor, "bn c h4 w4"],
    ) -> Float[Tensor, "bn h16 w16"]:
        x = self.block16(self.join.merge(found, share))
        x = self.refine8.merge(skip8, x)
        x = self.refine4.merge(skip4, x)
        scores = enlarge(precise(self.predict(F.relu(x))), 4)
        return scores.softmax(dim=1)[:, 1]


class STM(VOSSystem[STMFeatures, STMMemory]):
    """Space-time memory network."""

    fit = Fit(multiple=16, fill="zeros")
    capacity = None
    merge: Independent = "product"
    feedback: Feedback = "soft"
    accepts_policy = True
    parts = ("see", "recall", "remember")

    def __init__(
        self,
        query_backbone: Backbone,
        memory_encoder: MemoryEncoder,
        query_heads: KeyValue,
        memory_heads: KeyValue,
        decoder: Decoder,
        *,
        policy: Policy,
        top: int | None = None,
    ) -> None:
        super().__init__()
        self.query_backbone, self.query_heads = query_backbone, query_heads
        self.memory_encoder, self.memory_heads = memory_encoder, memory_heads
        self.decoder, self.policy, self.top = decoder, policy, top

    def encode(self, inputs: Inputs) -> STMFeatures:
        return STMFeatures(*self.see(inputs.images))

    def see(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The features of a frame, in the order of their fields."""
        f4, f8, f16 = self.query_backbone.features(self.query_backbone.stem(images))
        key, value = self.query_heads(f16)
        skip8, skip4 = self.decoder.refine8.skip(f8), self.decoder.refine4.skip(f4)
        return key, self.decoder.join.share(value), skip8, skip4, self.memory_encoder.backbone.stem(images)

    def begin(self, features: STMFeatures, targets: Targets, plan: Plan) -> Written[STMMemory]:
        return Written(STMMemory((self._entry(features, targets, plan),)))

    def segment(self, features: STMFeatures, memory: STMMemory, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        seen = features.share, features.skip8, features.skip4
        if self.slots is None:
            keys, values = bank.parts(memory.entries)
            found = functools.partial(self._found, key=features.key)
            objects = by_portions(lambda *both: self._decoded(found(both), *seen), *keys, *values)
        else:
            fixed, bias = bank.stack(memory.entries, self.slots), bank.bias(memory.entries, slots=self.slots)
            objects = by_portions(lambda own, some: self.recall(own, some, bias, features.key, *seen), *fixed)
        return Segmentation(soft_aggregate(objects, valid, self.merge), Asked(features.key))

    def recall(
        self,
        keys: Float[Tensor, "b n c m"],
        values: Float[Tensor, "b n v m"],
        bias: Float[Tensor, " m"] | None,
        key: Float[Tensor, "b c h16 w16"],
        share: Tensor,
        skip8: Tensor,
        skip4: Tensor,
    ) -> Float[Tensor, "b n h w"]:
        """The probability of some objects, from what was remembered of them and what is seen."""
        return self._decoded(self._found((keys, values), key, bias), share, skip8, skip4)

    def _found(
        self, keys_and_values: Sequence[Tensor], key: Float[Tensor, "b c h w"], bias: Float[Tensor, " m"] | None = None
    ) -> Float[Tensor, "b n v h w"]:
        """What is read: of so many entries all keys, then all values."""
        count = len(keys_and_values) // 2
        keys, values = keys_and_values[:count], keys_and_values[count:]
        found = attend(keys, values, key.flatten(2), SIMILARITY, self.top, bias)
        return found.reshape(*found.shape[:3], *key.shape[-2:])

    def _decoded(
        self, found: Float[Tensor, "b n v h w"], share: Tensor, skip8: Tensor, skip4: Tensor
    ) -> Float[Tensor, "b n h16 w16"]:
        n = found.shape[1]
        seen = spread(share, n), spread(skip8, n), spread(skip4, n)
        return unfold(self.decoder(fold(found), *seen), n)

    def remember(self, stem: Float[Tensor, "b c h2 w2"], masks: Float[Tensor, "b n 2 h w"]) -> Tensor:
        """Keys and values of some objects in a frame, one after the other in the channels."""
        heads = self.memory_heads(self.memory_encoder(stem, masks))
        return unfold(torch.cat(heads, dim=1), masks.shape[1])

    def memorize(
        self, features: STMFeatures, targets: Targets, trace: Any, memory: STMMemory, plan: Plan
    ) -> Written[STMMemory]:
        entries = bank.kept(memory.entries, plan)
        return Written(STMMemory((*entries, self._entry(features, targets, plan)) if plan.writes else entries))

    def trim(self, memory: STMMemory, plan: Plan) -> STMMemory:
        return replace(memory, entries=bank.kept(memory.entries, plan))

    def held(self, memory: STMMemory) -> tuple[Held, ...]:
        return bank.held(memory.entries)

    def looks(self, memory: STMMemory, trace: Asked, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        return looks(trace, memory.entries, masks, SIMILARITY, self.top)

    def _entry(self, features: STMFeatures, targets: Targets, plan: Plan) -> bank.OwnedKeys:
        keys = self.memory_heads.key.out_channels
        pair = by_portions(lambda some: self.remember(features.stem, some), with_others(targets))
        return bank.OwnedKeys(plan.time, plan.role, pair[:, :, :keys], pair[:, :, keys:])
