"""The coarse mask of each object: proposals, weighted by the matcher; or what is decoded from its template alone.

Shapes: b batch, n objects, p proposals for all objects, k of each object's own, c channels, d projected ones, s side of
a crop, h and w the fitted frame, h4 and w4 its grid at stride 4.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.nn.aggregate import EXCLUDED
from longtake.nn.boxes import resampled, widened
from longtake.nn.precise import precise
from longtake.systems.dmn_aoa.crops import ObjectFeatures
from longtake.systems.dmn_aoa.matcher import Matcher
from longtake.systems.dmn_aoa.memory import STRIDE, DMNMemory, Pyramid
from longtake.systems.dmn_aoa.moves import moved_boxes, moved_masks
from longtake.systems.objects import by_portions, fold, unfold
from longtake.systems.protocol import FittedProposals

Moved = Literal["always", "alone", "never"]
"""When an object's last mask, moved and scaled, is proposed: always; alone, where there are no others; never, and where
there are no others it stays where it is."""

SOFTNESS = 0.05
"""The difference in similarity by which, in training, a proposal counts e times as much as another."""

LEAST = 16.0
"""The shortest side of a box whose features are taken, in pixels."""

Coarse = Float[Tensor, "b n h4 w4"]


@dataclass(frozen=True)
class ProjectedProposals:
    """Proposals for all objects: projected [b, p, d, s, s], masks [b, p, h4, w4], valid [b, p]."""

    projected: Tensor
    masks: Tensor
    valid: Tensor


class Matched(nn.Module):
    """Proposals weighted by how well they match the template.

    iou_weight: the share of their overlap with the last mask in what is matched (DMM-Net).
    """

    def __init__(self, matcher: Matcher, moved: Moved, iou_weight: float) -> None:
        super().__init__()
        self.matcher, self.moved, self.iou_weight = matcher, moved, iou_weight

    def found(self, proposals: FittedProposals | None, objects: ObjectFeatures, pyramid: Pyramid) -> ProjectedProposals:
        """What the matcher takes of proposals that others made; once per frame."""
        if proposals is None or not proposals.valid.shape[1]:
            masks = pyramid.f4[:, :0]
            projected = masks.new_zeros(len(masks), 0, self.matcher.width, objects.side, objects.side)
            return ProjectedProposals(projected, masks, masks.new_zeros(len(masks), 0, dtype=torch.bool))
        boxes = widened(proposals.boxes, 1.0, LEAST, pyramid.frame)
        projected = self.matcher.projected(objects(pyramid, boxes))
        return ProjectedProposals(projected, F.avg_pool2d(proposals.masks, STRIDE), proposals.valid)

    def forward(
        self,
        objects: ObjectFeatures,
        pyramid: Pyramid,
        found: ProjectedProposals,
        memory: DMNMemory,
        template: Float[Tensor, "b n c s s"],
        valid: Bool[Tensor, "b n"],
    ) -> tuple[Coarse, Coarse]:
        """Coarse masks; and in training those of a softmax over the similarities in place of the matching, to learn by.

        The matching begins at the best proposal and as a rule stays there, so through it a single object's similarities
        would hardly learn anything.
        """
        size, common = pyramid.frame, found.valid.shape[1]
        boxes = moved_boxes(memory.boxes, memory.visible, size, still=self.moved == "never")
        if self.moved != "always" and bool(found.valid.any(dim=1).all()):
            boxes = boxes[:, :, :0]  # none of them would be allowed

        def compared(template: Float[Tensor, "b n c s s"], boxes: Float[Tensor, "b n k 4"]) -> Tensor:
            n, k = boxes.shape[1:3]
            offered = found.projected[:, None].expand(-1, n, -1, -1, -1, -1)
            if k:
                crops = objects(pyramid, widened(boxes.flatten(1, 2), 1.0, LEAST, size))
                own = self.matcher.projected(crops).unflatten(1, (n, k))
                offered = torch.cat([offered, own], dim=2)
            return self.matcher.similarity(unfold(self.matcher.template(fold(template)), n), offered)

        similarity = by_portions(compared, template, boxes)
        if self.iou_weight:
            similarity = (1 - self.iou_weight) * similarity + self.iou_weight * self._overlaps(found, memory, boxes)
        allowed = torch.cat(
            [found.valid[:, None].expand(-1, valid.shape[1], -1), self._own_allowed(found, boxes, size)], dim=2
        )
        allowed = allowed & valid[:, :, None]

        def summed(weights: Float[Tensor, "b n pk"]) -> Coarse:
            given = _sum("bnp,bphw->bnhw", weights[:, :, :common], found.masks)
            if not boxes.shape[2]:
                return given.clamp(0, 1)
            own = by_portions(_weighted, weights[:, :, common:], memory.seen_masks, memory.boxes, boxes)
            return (given + own).clamp(0, 1)

        coarse = summed(self.matcher.assigned(similarity, allowed, common))
        if not self.training:
            return coarse, coarse
        return coarse, summed((similarity / SOFTNESS).masked_fill(~allowed, EXCLUDED).softmax(dim=2) * allowed)

    def _own_allowed(
        self, found: ProjectedProposals, boxes: Float[Tensor, "b n k 4"], size: tuple[int, int]
    ) -> Bool[Tensor, "b n k"]:
        """An object's own proposals that are in the frame; the first one always is, at least where the object was."""
        inside = (boxes[..., 2] > 0) & (boxes[..., 3] > 0) & (boxes[..., 0] < size[1]) & (boxes[..., 1] < size[0])
        inside[..., :1] = True
        return inside if self.moved == "always" else inside & ~found.valid.any(dim=1)[:, None, None]

    def _overlaps(
        self, found: ProjectedProposals, memory: DMNMemory, boxes: Float[Tensor, "b n k 4"]
    ) -> Float[Tensor, "b n pk"]:
        """Intersection over union of proposals with each object's last mask."""

        def overlap(last: Coarse, seen: Coarse, own: Float[Tensor, "b n 4"], targets: Tensor) -> Tensor:
            common = found.masks[:, None].expand(-1, last.shape[1], -1, -1, -1)
            proposed = torch.cat([common, moved_masks(seen, own, targets)], dim=2) if targets.shape[2] else common
            inside, there = proposed > 0.5, last[:, :, None] > 0.5
            both, either = ((inside & there).sum((3, 4)), (inside | there).sum((3, 4)))
            return both / either.clamp(min=1)

        return by_portions(overlap, memory.last_masks, memory.seen_masks, memory.boxes, boxes)


def _weighted(weights: Tensor, masks: Tensor, boxes: Tensor, targets: Tensor) -> Tensor:
    return _sum("bnk,bnkhw->bnhw", weights, moved_masks(masks, boxes, targets))


def _sum(equation: str, weights: Tensor, masks: Tensor) -> Tensor:
    """Weighted masks, in float32 at least."""
    with torch.autocast(masks.device.type, enabled=False):
        return torch.einsum(equation, precise(weights), precise(masks))


class Decoded(nn.Module):
    """A mask decoded from the template, laid into the box in which it was asked for (table 3: without the matcher)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, 1, kernel_size=1)

    def forward(
        self, template: Float[Tensor, "b n c s s"], boxes: Float[Tensor, "b n 4"], size: tuple[int, int]
    ) -> tuple[Coarse, Coarse]:
        """Coarse masks, and the same to learn by. boxes: those of the query. size: height and width of the frame."""
        masks = torch.sigmoid(precise(self.head(fold(template))))[:, 0]
        whole = boxes.new_tensor([0, 0, masks.shape[2], masks.shape[1]]).expand(len(masks), 4)
        grid = (size[0] // STRIDE, size[1] // STRIDE)
        coarse = unfold(resampled(masks, whole, fold(boxes)[:, None], grid, STRIDE)[:, 0], template.shape[1])
        return coarse, coarse
