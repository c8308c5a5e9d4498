"""The differentiable matching layer of DMM-Net (Zeng et al., ICCV 2019), which DMN-AOA takes over.

An assignment of objects to proposals: gradient steps on the cost, each followed by rounds of Dykstra's projections
onto what an assignment must be. Everything is unrolled, so gradients pass through.
Shapes: b batch, o objects, n proposals.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from longtake.nn.precise import precise

Average = Literal["projected", "before_projection"]

Matrix = Float[Tensor, "b o n"]

CLOSING = 50
"""Rounds of projection of what is returned: they leave about 1e-3 below zero, which is cut off."""


@dataclass(frozen=True)
class Assignments:
    """What X[b, o, n] must be: X >= 0, rows that sum to 1, columns that sum to at most 1; 0 where it may not be.

    allowed: which objects may take which proposals. shared: the first so many proposals are the same for all objects,
    so that their columns count; every other one is its object's own.
    """

    allowed: Bool[Tensor, "b o n"]
    shared: int

    def project(
        self, x: Matrix, corrections: tuple[Matrix, Matrix, Matrix], rounds: int
    ) -> tuple[Matrix, tuple[Matrix, Matrix, Matrix]]:
        """Rounds of Dykstra's algorithm over the three sets, each with the correction that it left behind."""
        allowed = self.allowed.to(x.dtype)
        columns = allowed[:, :, : self.shared].sum(dim=1, keepdim=True).clamp(min=1)
        rows = allowed.sum(dim=2, keepdim=True).clamp(min=1)
        positive, narrow, whole = corrections
        for _ in range(rounds):
            y = x + positive
            x = y.clamp(min=0)
            positive = y - x
            y = x + narrow
            common = y[:, :, : self.shared]
            over = (common.sum(dim=1, keepdim=True) - 1).clamp(min=0) / columns
            x = torch.cat([common - over, y[:, :, self.shared :]], dim=2) * allowed
            narrow = y - x
            y = x + whole
            x = (y - (y.sum(dim=2, keepdim=True) - 1) / rows) * allowed
            whole = y - x
        return x, (positive, narrow, whole)

    def greedy(self, cost: Matrix) -> Matrix:
        """Where it begins: a shared proposal is left to the object that it suits best, an object takes its best one."""
        far = cost.masked_fill(~self.allowed, torch.inf)
        worst = far.masked_fill(~self.allowed, -torch.inf).flatten(1).amax(dim=1)[:, None, None]
        common = far[:, :, : self.shared]
        nearest = torch.zeros_like(common, dtype=torch.bool)
        if self.shared:
            nearest = nearest.scatter(1, common.argmin(dim=1, keepdim=True), True)
        kept = torch.cat([nearest, torch.ones_like(self.allowed[:, :, self.shared :])], dim=2)
        left = torch.where(kept | ~self.allowed, far, worst + 1)
        return torch.zeros_like(cost).scatter(2, left.argmin(dim=2, keepdim=True), 1.0) * self.allowed


def matching(
    similarity: Matrix,
    allowed: Bool[Tensor, "b o n"],
    shared: int,
    *,
    steps: int = 40,
    rounds: int = 5,
    rate: float = 0.1,
    average: Average = "projected",
) -> Matrix:
    """How much of each proposal every object takes.

    allowed, shared: see `Assignments`. Where a clip has no more proposals than objects, an object that has none of its
    own may also take nothing, at a similarity of zero, so its row then sums to less than 1. steps: gradient steps, of
    size `rate`, each followed by so many rounds of projections, whose corrections are kept throughout. average: of the
    beginning and all iterates, each after its projections, in the end projected once more (rows sum to 1 within 1e-3);
    or before them, as DMM-Net's code has it, which is no assignment. Objects without an allowed proposal get zeros.
    """
    with torch.autocast(similarity.device.type, enabled=False):
        similarity, n = precise(similarity), similarity.shape[2]
        there = allowed.any(dim=2, keepdim=True)
        few = _count(allowed, shared) <= there.sum(dim=(1, 2))
        # taking nothing is one more proposal of the object's own
        similarity = torch.cat([similarity, similarity.new_zeros(*similarity.shape[:2], 1)], dim=2)
        bare = there & ~allowed[:, :, shared:].any(dim=2, keepdim=True)
        rules = Assignments(torch.cat([allowed, bare & few[:, None, None]], dim=2), shared)
        cost = (-similarity).masked_fill(~rules.allowed, 0)
        x = rules.greedy(cost)
        nothing = torch.zeros_like(x)
        corrections, total = (nothing, nothing, nothing), x
        for _ in range(steps):
            x = x - rate * cost
            if average == "before_projection":
                total = total + x
            x, corrections = rules.project(x, corrections, rounds)
            if average == "projected":
                total = total + x
        mean = total / (steps + 1)
        if average == "projected":
            mean = rules.project(mean, (nothing, nothing, nothing), CLOSING)[0].clamp(min=0)
            mean = mean / mean.sum(dim=2, keepdim=True).clamp(min=1)
        return mean[:, :, :n]


def _count(allowed: Bool[Tensor, "b o n"], shared: int) -> Tensor:
    """How many proposals a clip has: those that any object may take, and every object's own."""
    return allowed[:, :, :shared].any(dim=1).sum(dim=1) + allowed[:, :, shared:].sum(dim=(1, 2))
