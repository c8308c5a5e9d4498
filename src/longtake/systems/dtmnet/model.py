"""DTMNet: a graph over the last frames, a recurrent vector per object, the given frame (Zhang et al., 2020).

Equations and their place are listed in the README beside this file.
Shapes: b batch, n objects, h height, w width of the fitted frame; d feature channels at stride 16.
"""

import sys
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.geometry import Fit
from longtake.memory.policy import First, Held, Plan
from longtake.nn.aggregate import Independent, soft_aggregate
from longtake.nn.backbone import Backbone
from longtake.nn.decoder import foreground
from longtake.systems.dtmnet.decoder import Decoder, Skips
from longtake.systems.dtmnet.long_term import LongTerm
from longtake.systems.dtmnet.memory import DTMMemory, Reference, Seen, newest, still_needed
from longtake.systems.dtmnet.short_term import ShortTerm
from longtake.systems.feedback import Feedback
from longtake.systems.objects import by_portions, fold, unfold
from longtake.systems.protocol import AnyObject, Inputs, Look, Segmentation, Targets, VOSSystem, Written

STRIDE = 16


@dataclass(frozen=True)
class DTMFeatures:
    """A frame: features [b, d, ...], what the decoder takes of them [b, c, ...], its part of the graph, skips.

    seen: none without a short term; its time is not known yet.
    """

    x: Tensor
    passed: Tensor
    seen: tuple[Seen, ...]
    skips: Skips


@dataclass(frozen=True)
class Linked:
    """The graph that a frame was segmented by: the frames before it and itself; none without a short term."""

    frames: tuple[Seen, ...]


class DTMNet(VOSSystem[DTMFeatures, DTMMemory]):
    """All objects share one graph; each has a vector, and the frame in which it was given."""

    fit = Fit(multiple=STRIDE, fill="reflect")
    capacity = None
    merge: Independent = "minimum"
    feedback: Feedback = "soft"
    policy = First(previous=True)
    accepts_policy = False

    def __init__(
        self,
        backbone: Backbone,
        projector: nn.Module,
        short_term: ShortTerm | None,
        long_term: LongTerm | None,
        decoder: Decoder,
        *,
        mask_channel: bool,
        coarse_head: nn.Conv2d | None,
    ) -> None:
        """projector: from the backbone's last features to d channels. coarse_head: predicts at stride 16 for a loss."""
        super().__init__()
        self.backbone, self.projector = backbone, projector
        self.short_term, self.long_term, self.decoder = short_term, long_term, decoder
        self.mask_channel, self.coarse_head = mask_channel, coarse_head

    def encode(self, inputs: Inputs) -> DTMFeatures:
        f4, f8, _, last = self.backbone.features(self.backbone.stem(inputs.images))
        x = self.projector(last)
        passed = self.decoder.query(x)
        seen = () if self.short_term is None else (self.short_term.seen(x, passed, time=-1),)
        return DTMFeatures(x, passed, seen, self.decoder.skips(f8, f4))

    def begin(self, features: DTMFeatures, targets: Targets, plan: Plan) -> Written[DTMMemory]:
        """The frame in which objects are given is frame 1 for them."""
        masks = _at_stride(targets)
        window = tuple(replace(each, time=plan.time) for each in features.seen)
        reference = Reference(plan.time, plan.role, self.decoder.reference(features.x))
        hidden = masks.new_zeros(*masks.shape[:2], 0)
        if self.long_term is not None:
            hidden = self.long_term.begun(features.x, masks)
        return Written(DTMMemory(window, (reference,), (plan.time,) * masks.shape[1], masks, masks, hidden))

    def segment(self, features: DTMFeatures, memory: DTMMemory, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        """The decoder over attention map, filtered features, and the given frame with its mask (figure 2)."""
        frames, query, auxiliary = tuple[Seen, ...](), features.passed, dict[str, Tensor | AnyObject]()
        maps = [self._attention(features, memory), memory.given_masks]
        if self.short_term is not None:
            frames = self.short_term.linked(memory.window, replace(features.seen[0], time=time))
            graph = self.short_term.graph(frames)
            query = self.short_term.filtered(graph, frames)
            if self.mask_channel:
                maps.append(self.short_term.carried(graph, memory.last_masks))
            if self.training:
                auxiliary |= self.short_term.classified(graph, frames)
        references, own = memory.stacked_references()
        known = query[:, None] + references
        matched = by_portions(
            lambda some, which: self.decoder.matched(known[:, which[0]], some), torch.stack(maps, dim=2), own
        )
        objects = by_portions(lambda some: self.decoder.refined(some, features.skips), matched)
        if self.training and self.coarse_head is not None:
            early = torch.sigmoid(foreground(self.coarse_head(fold(matched))))
            auxiliary["coarse"] = soft_aggregate(unfold(early[:, 0], matched.shape[1]), valid, self.merge)
        return Segmentation(soft_aggregate(objects, valid, self.merge), Linked(frames), auxiliary)

    def memorize(
        self, features: DTMFeatures, targets: Targets, trace: Linked, memory: DTMMemory, plan: Plan
    ) -> Written[DTMMemory]:
        """The frame joins the graph, the vectors take it in; for objects given in it, it is frame 1 from now on.

        A mask that is given empty says that an object is not to be seen: no reference for what it looks like.
        """
        masks, known = _at_stride(targets), len(memory.given_times)
        anew = [own and (i >= known or bool(masks[:, i].any())) for i, own in enumerate(targets.given)]
        times = memory.given_times + (plan.time,) * (len(anew) - known)
        times = tuple(plan.time if begins else time for begins, time in zip(anew, times, strict=True))
        begins, references = torch.tensor(anew, device=masks.device), memory.references
        if any(anew):
            references = (*references, Reference(plan.time, plan.role, self.decoder.reference(features.x)))
        given = torch.where(begins[:, None, None], masks, _widened(memory.given_masks, len(anew)))
        hidden = _widened(memory.hidden, len(anew))
        if self.long_term is not None:
            hidden = self.long_term.updated(features.x, masks, hidden, begins)
        window = () if self.short_term is None else newest(trace.frames, self.short_term.frames)
        return Written(DTMMemory(window, still_needed(references, times), times, given, masks, hidden))

    def held(self, memory: DTMMemory) -> tuple[Held, ...]:
        return memory.held()

    def room(self, memory: DTMMemory) -> int:
        return sys.maxsize

    def looks(self, memory: DTMMemory, trace: Linked, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        """The graph's; the vectors and the given frame are compared as a whole, nowhere in particular."""
        if self.short_term is None:
            return ()
        return self.short_term.looks(trace.frames, F.avg_pool2d(masks.float(), STRIDE))

    def _attention(self, features: DTMFeatures, memory: DTMMemory) -> Float[Tensor, "b n h w"]:
        if self.long_term is None:
            return torch.zeros_like(memory.given_masks)
        return self.long_term.attention(features.x, memory.hidden)


def _at_stride(targets: Targets) -> Float[Tensor, "b n h w"]:
    """How much of each place is an object's."""
    return F.avg_pool2d(targets.masks * targets.valid[:, :, None, None], STRIDE)


def _widened(x: Float[Tensor, "b _ *rest"], n: int) -> Float[Tensor, "b n *rest"]:
    """With zeros for objects that are new."""
    missing = n - x.shape[1]
    return torch.cat([x, x.new_zeros(len(x), missing, *x.shape[2:])], dim=1) if missing else x
