"""DMN-AOA: object matching by a memory of crops and aligned proposals (Liang et al., ICCV 2021).

Equations and their place are listed in the README beside this file.
Shapes: b batch, n objects, c channels of object features, s side of a crop, h height, w width of the fitted frame; h4
and w4 its grid at stride 4.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from longtake.geometry import Fit
from longtake.memory import bank
from longtake.memory.policy import Held, Plan, Policy
from longtake.nn.aggregate import Independent, soft_aggregate
from longtake.nn.align import carried, correspondence
from longtake.nn.backbone import Backbone
from longtake.nn.boxes import cropped, tight_boxes, widened
from longtake.nn.decoder import enlarge
from longtake.systems.dmn_aoa.coarse import LEAST, Decoded, Matched, ProjectedProposals
from longtake.systems.dmn_aoa.crops import BaseFeatures, ObjectFeatures
from longtake.systems.dmn_aoa.looks import Asked, looks
from longtake.systems.dmn_aoa.matcher import Projector
from longtake.systems.dmn_aoa.memory import (
    STRIDE,
    Anchor,
    DMNMemory,
    Pyramid,
    joined,
    nothing,
    still_needed,
    whole_frame,
)
from longtake.systems.dmn_aoa.refine import FINER, Refinement, in_line
from longtake.systems.dmn_aoa.template import DynamicMemory
from longtake.systems.feedback import Feedback
from longtake.systems.objects import by_portions, fold, unfold
from longtake.systems.protocol import AnyObject, Inputs, Look, Segmentation, Targets, VOSSystem, Written

Crops = Float[Tensor, "b n c s s"]

DOUBT = 0.05
"""How sure the coarse mask's loss takes it to be, at most: it is made of hard masks, whose odds have no bounds."""


@dataclass(frozen=True)
class DMNFeatures:
    """A frame: base features, proposals that others made, and what the refinement takes of it.

    current: at every level. template, source: its stride-16 features as that with which others are brought into line,
    and as what is brought into line.
    """

    pyramid: Pyramid
    found: ProjectedProposals | None
    current: tuple[Tensor, ...]
    template: Tensor
    source: Tensor


class DMNAOA(VOSSystem[DMNFeatures, DMNMemory]):
    """A template per object from the memory, a coarse mask from the proposals that match it, and a refined one."""

    fit = Fit(multiple=16)
    capacity = None
    merge: Independent = "product"
    feedback: Feedback = "soft"
    kept_together = True

    def __init__(
        self,
        backbone: Backbone,
        base: BaseFeatures,
        objects: ObjectFeatures,
        dynamic: DynamicMemory | None,
        coarse: Matched | Decoded,
        refinement: Refinement | None,
        references: tuple[Projector, Projector] | None,
        *,
        policy: Policy,
        sharpness: float,
        query_box: float,
        frame_memory: bool,
    ) -> None:
        """references: projectors of the current and of reference frames, by which these are brought into line."""
        super().__init__()
        self.backbone, self.base, self.objects = backbone, base, objects
        self.dynamic, self.coarse, self.refinement = dynamic, coarse, refinement
        self.takes_proposals = isinstance(coarse, Matched)
        self.as_template = None if references is None else references[0]
        self.as_source = None if references is None else references[1]
        self.policy, self.accepts_policy = policy, dynamic is not None
        self.sharpness, self.query_box, self.frame_memory = sharpness, query_box, frame_memory

    def encode(self, inputs: Inputs) -> DMNFeatures:
        pyramid = self.base(self.backbone.features(self.backbone.stem(inputs.images)))
        found = None
        if isinstance(self.coarse, Matched):
            found = self.coarse.found(inputs.proposals, self.objects, pyramid)
        current = () if self.refinement is None else self.refinement.of_frame("current", pyramid.levels)
        none = pyramid.f16[:, :0]
        template = none if self.as_template is None else self.as_template(pyramid.f16)
        source = none if self.as_source is None else self.as_source(pyramid.f16)
        return DMNFeatures(pyramid, found, current, template, source)

    def begin(self, features: DMNFeatures, targets: Targets, plan: Plan) -> Written[DMNMemory]:
        """To begin is to join a memory of no objects."""
        return self.memorize(features, targets, None, nothing(features.pyramid, features.source), plan)

    def segment(self, features: DMNFeatures, memory: DMNMemory, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        size = features.pyramid.frame
        boxes = widened(memory.boxes, self.query_box, LEAST, size)
        if self.dynamic is None:
            template, trace = self._fixed_template(memory), None
        else:
            query = self.dynamic.ask(self.objects(features.pyramid, boxes), [time - born for born in memory.born])
            template, trace = self.dynamic.read(query, memory.entries), Asked(query, boxes)
        if isinstance(self.coarse, Decoded):
            coarse, taught = self.coarse(template, boxes, size)
        else:
            assert features.found is not None
            coarse, taught = self.coarse(self.objects, features.pyramid, features.found, memory, template, valid)
        auxiliary: dict[str, Tensor | AnyObject] = {}
        if self.training:
            auxiliary["coarse"] = soft_aggregate(DOUBT + (1 - 2 * DOUBT) * taught, valid, self.merge)
        objects = enlarge(coarse, STRIDE) if self.refinement is None else self._refined(features, memory, coarse)
        return Segmentation(soft_aggregate(objects, valid, self.merge), trace, auxiliary)

    def memorize(
        self, features: DMNFeatures, targets: Targets, trace: Asked | None, memory: DMNMemory, plan: Plan
    ) -> Written[DMNMemory]:
        """For an object that is given in it with a mask, and for a new one, the frame is its first from now on."""
        masks, known = targets.masks * targets.valid[:, :, None, None], len(memory.born)
        n, here = masks.shape[1], Anchor(plan.time, features.pyramid, features.source)
        anew = [own and (i >= known or bool(masks[:, i].any())) for i, own in enumerate(targets.given)]
        times = (*memory.given_times, *(plan.time for _ in range(known, n)))
        times = tuple(plan.time if begins else time for begins, time in zip(anew, times, strict=True))
        born, before = (*memory.born, *(plan.time for _ in range(known, n))), joined(memory, n)
        boxes, visible = tight_boxes(masks > _level(masks, targets.given))
        boxes = torch.where(visible[..., None], boxes.to(before.boxes), before.boxes)
        small, begins = F.avg_pool2d(masks, STRIDE), torch.tensor(anew, device=masks.device)[:, None, None]
        anchors = (*memory.anchors, here) if any(anew) else memory.anchors
        return Written(
            DMNMemory(
                entries=self._entries(features, before.entries, small, boxes, born, plan),
                anchors=still_needed(anchors, times),
                previous=here,
                born=born,
                given_times=times,
                given_masks=torch.where(begins, small, before.given_masks),
                last_masks=small,
                seen_masks=torch.where(visible[:, :, None, None], small, before.seen_masks),
                boxes=boxes,
                visible=visible,
            )
        )

    def trim(self, memory: DMNMemory, plan: Plan) -> DMNMemory:
        return replace(memory, entries=bank.kept(memory.entries, plan))

    def held(self, memory: DMNMemory) -> tuple[Held, ...]:
        return memory.held()

    def room(self, memory: DMNMemory) -> int:
        return sys.maxsize

    def looks(self, memory: DMNMemory, trace: Asked | None, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        return () if trace is None else looks(trace, memory.entries, masks)

    def _entries(
        self,
        features: DMNFeatures,
        before: Sequence[bank.CroppedKeys],
        masks: Float[Tensor, "b n h4 w4"],
        boxes: Float[Tensor, "b n 4"],
        born: Sequence[int],
        plan: Plan,
    ) -> tuple[bank.CroppedKeys, ...]:
        """The crops of past frames that the plan keeps, and those of this frame where it writes."""
        kept = bank.kept(before, plan)
        if self.dynamic is None or not plan.writes:
            return kept
        n, pyramid = masks.shape[1], features.pyramid
        if self.frame_memory:
            objects = self.objects.whole(pyramid).expand(-1, n, -1, -1, -1)
            inside, boxes = F.avg_pool2d(masks, 4)[:, :, None], whole_frame(boxes, pyramid.frame)
        else:
            boxes = widened(boxes, 1.0, LEAST, pyramid.frame)
            objects = self.objects(pyramid, boxes)
            inside = self._mask_crops(masks, boxes)
        keys, values = self.dynamic.write(objects, inside, [plan.time - first for first in born])
        there = torch.ones_like(boxes[..., 0], dtype=torch.bool)
        return (*kept, bank.CroppedKeys(plan.time, plan.role, keys, values, boxes, there))

    def _mask_crops(
        self, masks: Float[Tensor, "b n h4 w4"], boxes: Float[Tensor, "b n 4"]
    ) -> Float[Tensor, "b n 1 s s"]:
        crops = cropped(fold(masks)[:, None], fold(boxes)[:, None], self.objects.side, STRIDE)
        return unfold(crops[:, 0], masks.shape[1])

    def _fixed_template(self, memory: DMNMemory) -> Crops:
        """What each object's first frame shows within its mask (table 3: without the dynamic memory)."""
        anchors, which = memory.anchors_of_objects()
        boxes, seen = tight_boxes(memory.given_masks > 0.5)
        size = memory.previous.pyramid.frame
        boxes = torch.where(seen[..., None], STRIDE * boxes.to(memory.boxes), whole_frame(memory.boxes, size))
        boxes = widened(boxes, 1.0, LEAST, size)
        crops = [self.objects(anchors[r].pyramid, boxes[:, [i]]) for i, r in enumerate(which)]
        return torch.cat(crops, dim=1) * self._mask_crops(memory.given_masks, boxes)

    def _refined(
        self, features: DMNFeatures, memory: DMNMemory, coarse: Float[Tensor, "b n h4 w4"]
    ) -> Float[Tensor, "b n h w"]:
        """Probabilities from the coarse masks, the first and the previous frame, both brought into line."""
        refinement = self.refinement
        assert refinement is not None
        anchors, which = memory.anchors_of_objects()
        seen = {anchor.time: anchor for anchor in (memory.previous, *anchors)}
        ways = {time: self._way(features, anchor) for time, anchor in seen.items()}
        lines = {time: in_line(ways[time], anchor.pyramid) for time, anchor in seen.items()}
        previous = refinement.of_frame("previous", lines[memory.previous.time])
        firsts = [refinement.of_frame("first", lines[anchor.time]) for anchor in anchors]
        frames = [
            (now + before)[:, None] + torch.stack(own, dim=1)
            for now, before, own in zip(features.current, previous, zip(*firsts, strict=True), strict=True)
        ]
        # every frame's masks at once, then each object's own again
        order = sorted(range(len(which)), key=which.__getitem__)
        given = [
            _mask_in_line(ways[anchor.time], memory.given_masks[:, [i for i in order if which[i] == r]])
            for r, anchor in enumerate(anchors)
        ]
        first_masks = torch.cat(given, dim=1)[:, [order.index(i) for i in range(len(which))]]
        last_masks = _mask_in_line(ways[memory.previous.time], memory.last_masks)
        masks = torch.stack([coarse, first_masks, last_masks], dim=2)
        numbers = torch.tensor(which, device=coarse.device).expand(len(coarse), -1)
        return by_portions(lambda some, own: refinement([level[:, own[0]] for level in frames], some), masks, numbers)

    def _way(self, features: DMNFeatures, anchor: Anchor) -> Float[Tensor, "b p q"] | None:
        """By what a frame is brought into line with the current one."""
        if self.as_template is None:
            return None
        return correspondence(features.template.flatten(2), anchor.source.flatten(2), self.sharpness)


def _level(masks: Float[Tensor, "b n h w"], given: Sequence[bool]) -> Float[Tensor, "b n 1 1"]:
    """Above which a mask shows its object: one half, or half of what a thin one has left that was given and reduced."""
    half = torch.full_like(masks[:, :, :1, :1], 0.5)
    own = torch.tensor(given, device=masks.device)[:, None, None]
    return torch.where(own, torch.minimum(half, masks.amax(dim=(2, 3), keepdim=True) / 2), half)


def _mask_in_line(way: Float[Tensor, "b p q"] | None, masks: Float[Tensor, "b n h4 w4"]) -> Float[Tensor, "b n h4 w4"]:
    return masks if way is None else carried(way, masks, FINER[-1])
