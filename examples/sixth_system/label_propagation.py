"""Label propagation: a position takes over the labels of remembered positions that look like it.

Memory holds what frames look like at stride 8 (keys), and beside each position its 2x2 piece of every mask at stride 4
(values), as they are: nothing of a mask is encoded. A small decoder makes a mask of what was found, the last mask and
the frame's own features. Shapes: b batch, n objects, h height, w width of the fitted frame.
"""

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longtake.geometry import Fit
from longtake.memory import bank
from longtake.memory.policy import Every, Held, Plan
from longtake.memory.tree import owned
from longtake.nn.aggregate import soft_aggregate
from longtake.nn.attention import attend, mean_affinity
from longtake.nn.backbone import BackboneName, build_backbone
from longtake.nn.decoder import ResBlock, conv3x3, enlarge
from longtake.nn.precise import precise
from longtake.systems.objects import by_portions, fold, spread, unfold, with_others
from longtake.systems.protocol import Inputs, Look, Preset, Segmentation, Targets, VOSSystem, Written
from longtake.systems.teaching import Schedule, Teaching

PIECE = 2
"""Positions at stride 4 along a side of one at stride 8."""

SHARPNESS = 16.0
"""Of keys, so that a position reads from a few others even before anything was learnt."""


@dataclass(frozen=True)
class Features:
    """A frame: keys [b, c, h/8, w/8], and what the decoder takes of it [b, d, h/4, w/4]."""

    key: Tensor
    skip: Tensor


@dataclass(frozen=True)
class Memory:
    """Remembered frames, and the last masks at stride 4, own and others': [b, n, 2, h/4, w/4]."""

    entries: tuple[bank.SharedKeys, ...]
    last: Tensor = owned()


class LabelPropagation(VOSSystem[Features, Memory]):
    """The system. What the fields mean is said in longtake/systems/protocol.py."""

    fit = Fit(multiple=16)
    capacity = None
    merge = "product"
    feedback = "soft"
    accepts_policy = True

    def __init__(self, backbone: BackboneName, key: int, width: int, interval: int, maximum: int) -> None:
        super().__init__()
        self.policy = Every(interval, maximum)
        self.backbone = build_backbone(backbone)
        widths = self.backbone.widths
        self.fine, self.middle = conv3x3(widths.stride4, width), conv3x3(widths.stride8, width)
        self.coarse = nn.Conv2d(widths.stride16, width, kernel_size=1)
        self.key = conv3x3(width, key)
        self.masks = conv3x3(4, width)
        self.blocks = nn.Sequential(ResBlock(width, width), ResBlock(width, width))
        self.predict = conv3x3(width, 1)

    def encode(self, inputs: Inputs) -> Features:
        f4, f8, f16 = self.backbone.features(self.backbone.stem(inputs.images))
        context = F.relu(self.middle(f8) + enlarge(self.coarse(f16), 2))
        return Features(SHARPNESS * self.key(context), self.fine(f4) + enlarge(context, 2))

    def begin(self, features: Features, targets: Targets, plan: Plan) -> Written[Memory]:
        return Written(self._written(features, targets, (), plan))

    def segment(self, features: Features, memory: Memory, valid: Tensor, time: int) -> Segmentation:
        keys, values = bank.parts(memory.entries)
        objects = by_portions(lambda last, *some: self._objects(features, keys, some, last), memory.last, *values)
        return Segmentation(soft_aggregate(objects, valid, self.merge), trace=features)

    def memorize(
        self, features: Features, targets: Targets, trace: Features, memory: Memory, plan: Plan
    ) -> Written[Memory]:
        return Written(self._written(features, targets, bank.kept(memory.entries, plan), plan))

    def held(self, memory: Memory) -> tuple[Held, ...]:
        return bank.held(memory.entries)

    def trim(self, memory: Memory, plan: Plan) -> Memory:
        return replace(memory, entries=bank.kept(memory.entries, plan))

    def looks(self, memory: Memory, trace: Features, masks: Tensor) -> tuple[Look, ...]:
        h, w = trace.key.shape[-2:]
        areas = F.adaptive_avg_pool2d(masks.float(), (h, w)).flatten(2)
        weights = mean_affinity(bank.stack_keys(memory.entries), trace.key.flatten(2), areas, "euclidean")
        grids = weights.unflatten(2, (len(memory.entries), h, w)).unbind(dim=2)
        return tuple(Look("memory", entry.time, grid) for entry, grid in zip(memory.entries, grids, strict=True))

    def _written(self, features: Features, targets: Targets, entries: tuple[Any, ...], plan: Plan) -> Memory:
        """The memory with this frame, where the plan wants it among the entries."""
        masks = unfold(F.avg_pool2d(fold(with_others(targets)), 4), targets.masks.shape[1])
        if plan.writes:
            pieces = F.pixel_unshuffle(masks, PIECE)
            entries = (*entries, bank.SharedKeys(plan.time, plan.role, features.key[:, None], pieces))
        return Memory(entries, masks)

    def _objects(self, features: Features, keys: list[Tensor], values: tuple[Tensor, ...], last: Tensor) -> Tensor:
        """The probability of each object [b, n, h, w]."""
        n, (h, w) = last.shape[1], features.key.shape[-2:]
        found = attend(keys, values, features.key.flatten(2), "euclidean").unflatten(3, (h, w))
        masks = fold(torch.cat([F.pixel_shuffle(found, PIECE), last.to(found.dtype)], dim=2))
        x = self.blocks(spread(features.skip, n) + self.masks(masks))
        score = precise(self.predict(F.relu(x))) + torch.logit(precise(masks[:, :1]), eps=0.02)
        return unfold(torch.sigmoid(enlarge(score, 4)[:, 0]), n)


@dataclass(frozen=True, kw_only=True)
class LabelPropagationPreset(Preset):
    """Sizes and switches. memory_maximum: of every `memory_interval`-th frame, beside the first and the last."""

    backbone: BackboneName = "resnet18"
    key: int = 32
    width: int = 48
    memory_interval: int = 5
    memory_maximum: int = 2

    def build(self) -> LabelPropagation:
        return LabelPropagation(self.backbone, self.key, self.width, self.memory_interval, self.memory_maximum)

    def tiny(self) -> "LabelPropagationPreset":
        return dataclasses.replace(self, key=8, width=8)

    def teaching(self) -> Teaching:
        return Teaching(
            losses={"bootstrapped": 1.0, "dice": 1.0},
            hardest=1.0,
            optimizer="adamw",
            weight_decay=0.01,
            clip_norm=1.0,
            schedule=Schedule(kind="linear", warm_up=30, tail=0.5),
        )


PRESET = LabelPropagationPreset()
