"""Explain: what a system would look at, for each object, to segment one more frame. Nothing is changed by asking.

Shapes: b batch, h height, w width.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from longtake.engine.step import segment
from longtake.geometry import Placement
from longtake.systems.protocol import AnySystem, Cohort, FittedProposals, Look, Segmentation, State


@dataclass(frozen=True)
class Explanation:
    """One object in a frame: its area on the fitted frame, as segmented from memory, and what was looked at for it.

    Every look is of this object alone: its weights are [b, 1, h', w'].
    """

    id: int
    area: Bool[Tensor, "b h w"]
    looks: tuple[Look, ...]
    placement: Placement

    def area_in_frame(self) -> Bool[np.ndarray, "h w"]:
        """The area on the frame's own pixels."""
        restored: np.ndarray = self.placement.restore(self.area[:, None].float())[0, 0].cpu().numpy()
        return restored > 0.5

    def weights_in_frame(self, look: Look) -> Float32[np.ndarray, "h w"]:
        """A look's weights on the own pixels of the frame that was looked at: spread smoothly, for people to see."""
        spread: np.ndarray = self.placement.spread(look.weights.float())[0, 0].cpu().numpy()
        return spread


def explain(
    system: AnySystem,
    state: State,
    images: Float[Tensor, "b 3 h w"],
    placement: Placement,
    proposals: FittedProposals | None = None,
) -> tuple[Explanation, ...]:
    """An explanation per object of the state, which stands before the frame.

    images: fitted, RGB in [0, 1]. placement: how they lie in the original. An object's area is where it is the most
    probable of all; its margins do not count.
    """
    _, segmentations, log_odds = segment(system, state, images, proposals)
    if log_odds is None:
        return ()
    columns = torch.arange(1, log_odds.shape[1], device=images.device)[:, None, None]
    best, winner = log_odds.softmax(dim=1).max(dim=1, keepdim=True)
    areas = (winner == columns) & (best >= system.least)
    inside = placement.inside(images.device)
    areas = areas if inside is None else areas & inside.bool()
    found, first = list[Explanation](), 0
    for cohort, segmentation in zip(state.cohorts, segmentations, strict=True):
        some = areas[:, first : first + len(cohort.ids)]
        found += _of_cohort(system, cohort, segmentation, some, placement)
        first += len(cohort.ids)
    return tuple(found)


def _of_cohort(
    system: AnySystem,
    cohort: Cohort,
    segmentation: Segmentation,
    areas: Bool[Tensor, "b n h w"],
    placement: Placement,
) -> list[Explanation]:
    looks = system.looks(cohort.memory, segmentation.trace, areas.float())

    def of(i: int) -> tuple[Look, ...]:
        return tuple(replace(look, weights=look.weights[:, i : i + 1]) for look in looks)

    return [Explanation(name, areas[:, i], of(i), placement) for i, name in enumerate(cohort.ids)]
