"""Proposals of a frame brought to the grid of a system.

Shapes: b batch, p proposals, h and w the fitted frame.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from longtake.errors import InputError, SettingError
from longtake.geometry import Placement
from longtake.nn.boxes import tight_boxes
from longtake.systems.protocol import AnySystem, FittedProposals
from longtake.types import Frame, Proposals

AT_ONCE = 8
"""Masks that are brought to the grid together: thirty of a 4K frame would take a gigabyte."""


def to_proposals(found: Proposals, frame: Frame, placement: Placement, device: torch.device) -> FittedProposals:
    """Masks on the grid with tight boxes about them; those of which nothing is left there are not valid.

    Raises InputError where they are of another size than their frame.
    """
    if found.masks.shape[1:] != frame.size:
        sizes = " and ".join(f"{w}x{h}" for h, w in (found.masks.shape[1:], frame.size))
        raise InputError(f"frame {frame.name}: its proposals and the frame itself are of different sizes, {sizes}")
    masks = torch.from_numpy(np.require(found.masks, requirements=["C", "W"])).to(device)[None]
    parts = [placement.masks(some.float()) for some in masks.split(AT_ONCE, dim=1) if some.shape[1]]
    return from_masks(torch.cat([torch.zeros(1, 0, *placement.fitted, device=device), *parts], dim=1))


def from_masks(masks: Float[Tensor, "b p h w"]) -> FittedProposals:
    """Proposals of masks in [0, 1]: an empty one is padding."""
    boxes, there = tight_boxes(masks > 0.5)
    return FittedProposals(boxes, masks, there)


def check_proposals(system: AnySystem, given: bool) -> None:
    """Raises SettingError where proposals are given to a system that has no use for them."""
    if given and not system.takes_proposals:
        raise SettingError(f"this {type(system).__name__} takes no proposals; leave them out, or use a dmn-aoa model")
