"""LSTNet: the first frame related to the current one, the last masks carried by optical flow (Wang et al., BMVC 2020).

Equations and their place are listed in the README beside this file.
Shapes: b batch, n objects, h height, w width of the fitted frame; c channels of the heads.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.geometry import Fit
from longtake.memory.policy import First, Held, Plan
from longtake.nn.aggregate import Independent, soft_aggregate
from longtake.nn.decoder import Refine, conv3x3, enlarge, foreground
from longtake.nn.flow import Flow, at_scale, warp
from longtake.nn.gates import AttentionalGate
from longtake.nn.precise import precise
from longtake.nn.relation import Relation
from longtake.systems.feedback import Feedback
from longtake.systems.lstnet.memory import LSTMemory, Reference
from longtake.systems.lstnet.trunk import Trunk
from longtake.systems.objects import by_portions, fold, spread, unfold
from longtake.systems.protocol import Inputs, Look, Segmentation, Targets, VOSSystem, Written

LOOK = 8
"""The stride of the grid on which is told where masks were carried from."""


@dataclass(frozen=True)
class LSTFeatures:
    """A frame: the trunk's stem and that of the short-term network, before activation, and the flow [b, 2, h, w]."""

    stem: Tensor
    near_stem: Tensor
    flow: Tensor


@dataclass(frozen=True)
class Carried:
    """The flow by which masks were carried into a frame, [b, 2, h, w]."""

    flow: Tensor


class LongTerm(nn.Module):
    """What changed since the reference: one map at stride 4 for all objects (section 3.2)."""

    def __init__(self, relation: Relation, refine16: Refine, refine8: Refine) -> None:
        super().__init__()
        self.relation, self.refine16, self.refine8 = relation, refine16, refine8

    def forward(self, reference: Float[Tensor, "b _ h32 w32"], features: list[Tensor]) -> Float[Tensor, "b c h4 w4"]:
        """features: the trunk's, at strides 4 to 32."""
        x = self.relation(reference, features[3])
        x = self.refine16.merge(self.refine16.skip(features[2]), x)
        x = self.refine8.merge(self.refine8.skip(features[1]), x)
        return enlarge(x, 2)


class Gated(nn.Module):
    """What both networks say of an object, and its probability from that (section 3.4)."""

    def __init__(self, context: int, own: int, inner: int, *, gate: bool) -> None:
        super().__init__()
        self.gate = AttentionalGate(context, own, inner) if gate else None
        self.refine = Refine(context, context, context)
        self.predict = conv3x3(context, 2)

    def of_context(self, context: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
        """What gate and refinement take of the long-term map; once per frame."""
        gated = context if self.gate is None else self.gate.of_context(context)
        return gated, self.refine.skip(context)

    def forward(self, shared: tuple[Tensor, Tensor], own: Float[Tensor, "b n _ h w"]) -> Float[Tensor, "b n h4 w4"]:
        """Probabilities of each object at the frame's size (equations 3 to 5)."""
        n = own.shape[1]
        context, skip = (spread(each, n) for each in shared)
        short = fold(own)
        kept = short * (context if self.gate is None else self.gate(context, short))
        score = foreground(self.predict(F.relu(self.refine.merge(skip, kept))))
        return unfold(torch.sigmoid(enlarge(score, 4)[:, 0]), n)


class LSTNet(VOSSystem[LSTFeatures, LSTMemory]):
    """A trunk sees all objects at once, beside it a small network each of them; a gate brings both together."""

    fit = Fit(multiple=32)
    capacity = None
    merge: Independent = "minimum"
    feedback: Feedback = "soft"
    policy = First(previous=True)
    accepts_policy = False
    least = 0.5

    def __init__(
        self,
        trunk: Trunk,
        near: Trunk | None,
        widen: nn.Module,
        gates: nn.Module | None,
        long_term: LongTerm,
        gated: Gated,
        flow: Flow,
        *,
        flow_scale: float,
        kill_lost: bool,
    ) -> None:
        """near: what encodes each object, where it is not the trunk. gates: None without a short-term network."""
        super().__init__()
        self.trunk, self.near, self.widen, self.gates = trunk, near, widen, gates
        self.long_term, self.gated, self.flow = long_term, gated, flow
        self.flow_scale, self.kill_lost = flow_scale, kill_lost

    def encode(self, inputs: Inputs) -> LSTFeatures:
        stem = self.trunk.backbone.stem(inputs.images)
        near = stem if self.near is None else self.near.backbone.stem(inputs.images)
        return LSTFeatures(stem, near, self._flow(inputs).detach())

    def begin(self, features: LSTFeatures, targets: Targets, plan: Plan) -> Written[LSTMemory]:
        masks = targets.masks * targets.valid[:, :, None, None]
        return Written(LSTMemory(self._reference(features, masks, plan), plan.time, masks))

    def segment(self, features: LSTFeatures, memory: LSTMemory, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        carried = warp(memory.masks, features.flow).clamp(0, 1)
        found = self.trunk(features.stem, carried.amax(dim=1, keepdim=True))
        shared = self.gated.of_context(self.long_term(memory.reference.related, found))
        objects = by_portions(lambda some: self.gated(shared, self._short_term(features, some)), carried)
        if self.kill_lost:
            objects = objects * (carried.amax(dim=(2, 3), keepdim=True) > 0.5)
        return Segmentation(soft_aggregate(objects, valid, self.merge), Carried(features.flow))

    def memorize(
        self, features: LSTFeatures, targets: Targets, trace: Carried, memory: LSTMemory, plan: Plan
    ) -> Written[LSTMemory]:
        """A frame in which every object is given becomes the reference; one given of several goes on by its mask."""
        masks, reference = targets.masks * targets.valid[:, :, None, None], memory.reference
        if all(targets.given) and bool((masks.flatten(2).any(dim=2) | ~targets.valid).all()):
            reference = self._reference(features, masks, plan)
        return Written(LSTMemory(reference, plan.time, masks))

    def held(self, memory: LSTMemory) -> tuple[Held, ...]:
        return memory.held()

    def looks(self, memory: LSTMemory, trace: Carried, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        """Where in the last frame each object's pixels come from; the relation looks at nothing in particular."""
        h, w = masks.shape[2:]
        rows, columns = torch.meshgrid(*(torch.arange(side, device=masks.device) for side in (h, w)), indexing="ij")
        places = torch.stack([columns, rows]) + trace.flow
        x, y = (
            place.round().long().clamp(0, last - 1) // LOOK
            for place, last in zip(places.unbind(1), (w, h), strict=True)
        )
        grid = (-(-h // LOOK), -(-w // LOOK))
        index = (y * grid[1] + x).flatten(1)[:, None].expand(-1, masks.shape[1], -1)
        areas = precise(masks).flatten(2)
        weights = areas.new_zeros(*areas.shape[:2], grid[0] * grid[1]).scatter_add(2, index, areas)
        weights = weights / areas.sum(dim=2, keepdim=True).clamp(min=torch.finfo(areas.dtype).tiny)
        return (Look("carried mask", memory.time, weights.unflatten(2, grid)),)

    def _flow(self, inputs: Inputs) -> Float[Tensor, "b 2 h w"]:
        """From the frame to the one before; none where there is none before."""
        if inputs.previous is inputs.images:
            return inputs.images.new_zeros(len(inputs.images), 2, *inputs.images.shape[2:])
        if self.flow_scale == 1:
            return self.flow(inputs.images, inputs.previous)
        return at_scale(self.flow, inputs.images, inputs.previous, self.flow_scale)

    def _reference(self, features: LSTFeatures, masks: Float[Tensor, "b n h w"], plan: Plan) -> Reference:
        """What the relation takes of a frame with given masks, all objects at once (G_1 > 0)."""
        last = self.trunk(features.stem, masks.amax(dim=1, keepdim=True))[-1]
        return Reference(plan.time, plan.role, self.long_term.relation.reference(last))

    def _short_term(self, features: LSTFeatures, carried: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n _ h4 w4"]:
        """What moved since the last frame, for each object (section 3.3); its mask where that network is off."""
        if self.gates is None:
            return F.avg_pool2d(carried, 4)[:, :, None]
        trunk = self.near or self.trunk
        return unfold(self.gates(self.widen(trunk.near(features.near_stem, carried))), carried.shape[1])
