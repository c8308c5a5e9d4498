"""What LSTNet remembers: what the relation takes of the reference frame, and the last masks.

Shapes: b batch, n objects, c channels, h and w the fitted frame.
"""

from dataclasses import dataclass

from torch import Tensor

from longtake.memory.policy import Held, Role
from longtake.memory.tree import owned, shared, size_in_bytes


@dataclass(frozen=True)
class Reference:
    """The frame in which the objects were given, as the relation takes it: [b, c, h / 32, w / 32]."""

    time: int
    role: Role
    related: Tensor = shared()


@dataclass(frozen=True)
class LSTMemory:
    """The reference of all objects together, and each one's mask in the last frame, [b, n, h, w]."""

    reference: Reference
    time: int
    masks: Tensor = owned()

    def held(self) -> tuple[Held, ...]:
        """What a policy may know, by time."""
        masks, fixed = self.masks.element_size() * self.masks.numel(), size_in_bytes(self.reference)
        if self.time == self.reference.time:
            return (Held(self.time, self.reference.role, fixed + masks),)
        return (Held(self.reference.time, self.reference.role, fixed), Held(self.time, "recent", masks))
