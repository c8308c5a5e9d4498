"""The aligned matcher: how much of each proposal is an object's, and its coarse mask (sections 3.1 and 3.3).

Shapes: b batch, n objects, p proposals, c channels, d projected ones, s side of a crop.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.nn.align import Compare, aligned, correspondence, likeness
from longtake.nn.decoder import conv3x3
from longtake.nn.matching import Average, matching
from longtake.systems.dmn_aoa.norm import Norm

Assign = Literal["soft", "top1"]

AT_ONCE = 64
"""Crops that are projected together."""


class Projector(nn.Sequential):
    """Two 3x3 convolutions with a nonlinear layer between them, into the space in which features are compared."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__(conv3x3(inputs, outputs), norm(outputs), nn.ReLU(), conv3x3(outputs, outputs))


class Matcher(nn.Module):
    """Likeness of aligned proposals to the template, and an assignment from that."""

    def __init__(
        self,
        channels: int,
        projected: int,
        norm: Norm,
        *,
        align: bool,
        sharpness: float,
        compare: Compare,
        average: Average,
        assign: Assign,
        steps: int,
    ) -> None:
        super().__init__()
        self.template, self.proposal = (Projector(channels, projected, norm) for _ in range(2))
        self.align, self.sharpness, self.compare = align, sharpness, compare
        self.average, self.assign, self.steps = average, assign, steps
        self.width = projected

    def projected(self, crops: Float[Tensor, "b p c s s"]) -> Float[Tensor, "b p d s s"]:
        """Proposals in the space of comparison."""
        parts = [self.proposal(some) for some in crops.flatten(0, 1).split(AT_ONCE)]
        found: Tensor = torch.cat(parts).unflatten(0, crops.shape[:2])
        return found

    def similarity(
        self, template: Float[Tensor, "b n d s s"], proposals: Float[Tensor, "b n p d s s"]
    ) -> Float[Tensor, "b n p"]:
        """Of each object's projected template with its proposals; in [-1, 1], in float32 at least."""
        wanted, offered = template.flatten(3)[:, :, None], proposals.flatten(4)
        if self.align:
            offered = aligned(correspondence(wanted, offered, self.sharpness), offered)
        return likeness(wanted, offered, self.compare)

    def assigned(
        self, similarity: Float[Tensor, "b n p"], allowed: Bool[Tensor, "b n p"], common: int
    ) -> Float[Tensor, "b n p"]:
        """How much of each proposal makes up an object's coarse mask; the first `common` are the same for all."""
        found = matching(similarity, allowed, common, steps=self.steps, average=self.average)
        if self.assign == "top1":
            best, where = found.max(dim=2, keepdim=True)
            return torch.zeros_like(found).scatter(2, where, best)
        return found
