"""Proposals of a frame brought to the grid of a system.

Shapes: p proposals, h and w the fitted frame.
"""

import torch

from longtake.errors import SettingError
from longtake.geometry import Placement
from longtake.nn.boxes import tight_boxes
from longtake.systems.protocol import AnySystem, Proposals
from longtake.types import Proposals as Found

AT_ONCE = 8
"""Masks that are brought to the grid together: thirty of a 4K frame would take a gigabyte."""


def to_proposals(found: Found, placement: Placement, device: torch.device) -> Proposals:
    """Masks on the grid with tight boxes about them; those of which nothing is left there are not valid."""
    masks = torch.from_numpy(found.masks).to(device)[None]
    parts = [placement.masks(some.float()) for some in masks.split(AT_ONCE, dim=1)]
    return from_masks(
        torch.cat(parts, dim=1) if found.masks.shape[0] else masks.new_zeros(1, 0, *placement.fitted).float()
    )


def from_masks(masks: torch.Tensor) -> Proposals:
    """Proposals of masks [b, p, h, w] in [0, 1]: an empty one is padding."""
    boxes, there = tight_boxes(masks > 0.5)
    return Proposals(boxes, masks, there)


def check_proposals(system: AnySystem, given: bool) -> None:
    """Raises SettingError where proposals are given to a system that has no use for them."""
    if given and not system.takes_proposals:
        raise SettingError(f"{type(system).__name__} takes no proposals; leave them out, or use a dmn-aoa model")
