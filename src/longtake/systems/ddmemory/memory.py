"""What DDMemory remembers: per layer of its transformer the keys and values of a few frames, and who is who in them.

Shapes: b batch, p positions at stride 16, c channels, n objects, i identities.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from longtake.memory.bank import ABSENT
from longtake.memory.policy import Held, Role
from longtake.memory.tree import owned, shared, size_in_bytes

Bank = Literal["reference", "global", "local"]


@dataclass(frozen=True)
class Layer:
    """Keys and values of one layer [b, p, c]; the values carry the identities of all objects."""

    keys: Tensor = shared()
    values: Tensor = shared()


@dataclass(frozen=True)
class Remembered:
    """A frame in memory, or what a recurrent memory has made of all frames up to it."""

    time: int
    role: Role
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Identities:
    """Who is who: the identity of each object, [b, n], and the order [b, i] in which identities are given out.

    used: how many were given out so far. None is given out twice: old keys and values still carry it.
    """

    used: int
    order: Tensor = shared()
    own: Tensor = owned()

    def joined(self, count: int) -> "Identities":
        """With an identity for so many more objects."""
        more = self.order[:, self.used : self.used + count]
        return replace(self, used=self.used + count, own=torch.cat([self.own, more], dim=1))

    @property
    def count(self) -> int:
        """How many objects there are."""
        return self.own.shape[1]

    @property
    def left(self) -> int:
        """How many can still be given out."""
        return self.order.shape[1] - self.used

    def of_objects(self, planes: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """The objects' log-odds out of those of all identities; what the objects that left would take is background."""
        index = self.own[:, :, None, None].expand(-1, -1, *planes.shape[2:])
        background, identities = planes[:, :1], planes[:, 1:]
        if self.count < self.used:
            left = torch.ones_like(self.order, dtype=torch.bool).scatter(1, self.own, False)
            left = left.scatter(1, self.order[:, self.used :], False)
            gone = identities.masked_fill(~left[:, :, None, None], -torch.inf)
            background = torch.cat([background, gone], dim=1).logsumexp(dim=1, keepdim=True)
        return torch.cat([background, identities.gather(1, index)], dim=1)


@dataclass(frozen=True)
class Banks:
    """Reference, global and local memory, each empty where it is switched off. born: the step of the first frame."""

    identities: Identities
    born: int
    reference: tuple[Remembered, ...] = ()
    recurrent: tuple[Remembered, ...] = ()
    local: tuple[Remembered, ...] = ()

    def held(self) -> tuple[Held, ...]:
        """What a policy may know, by time."""
        fixed = [Held(each.time, each.role, size_in_bytes(each)) for each in self.reference]
        moving = [Held(each.time, "recent", size_in_bytes(each)) for each in self.recurrent + self.local]
        return tuple(sorted([*fixed, *moving], key=lambda each: each.time))


def joined(frames: Sequence[Remembered], slots: int | None = None) -> tuple[Layer, ...]:
    """All positions of some frames together, layer by layer, in the first one's precision; nothing where none is.

    slots: bring them to as many frames by zeros, which `absent` marks.
    """
    if len(frames) == 1 and slots is None:
        return frames[0].layers
    missing = 0 if slots is None else slots - len(frames)
    return tuple(
        Layer(_together([layer.keys for layer in same], missing), _together([layer.values for layer in same], missing))
        for same in zip(*(frame.layers for frame in frames), strict=True)
    )


def absent(frames: Sequence[Remembered], slots: int | None) -> Float[Tensor, " m"] | None:
    """What is added to the scores of the positions that `joined` gives; None for nothing."""
    if slots is None or not frames:
        return None
    like = frames[0].layers[0].keys
    there = torch.zeros(slots, dtype=torch.float32, device=like.device)
    there[len(frames) :] = ABSENT
    return there.repeat_interleave(like.shape[1])


def _together(parts: Sequence[Tensor], missing: int) -> Tensor:
    return torch.cat([*(part.to(parts[0].dtype) for part in parts), *[torch.zeros_like(parts[0])] * missing], dim=1)
