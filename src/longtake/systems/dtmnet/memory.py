"""What DTMNet remembers: the last frames as nodes of a graph, a vector per object, and the frames that were given.

Shapes: b batch, n objects, d feature channels, c channels that the decoder takes, h and w the grid at stride 16.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from longtake.memory.policy import Held, Role
from longtake.memory.tree import owned, shared, size_in_bytes, slots


@dataclass(frozen=True)
class Nodes:
    """A frame's nodes, which know nothing of objects.

    source, target: what edges follow from [b, r, h, w]. within: edges within the frame [b, o, h, w]. passed: what is
    smoothed along the edges [b, c, h, w]. scores: what their class follows from [b, 2, h, w].
    """

    source: Tensor = shared()
    target: Tensor = shared()
    within: Tensor = shared()
    passed: Tensor = shared()
    scores: Tensor = shared()


@dataclass(frozen=True)
class Link:
    """Edges from the frame before to this one, and back, [b, o, h, w]."""

    onward: Tensor = shared()
    back: Tensor = shared()


@dataclass(frozen=True)
class Seen:
    """A frame of the graph; links: to the frame before, if that was one of it."""

    time: int
    nodes: Nodes
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A frame in which masks were given, as the decoder takes it: [b, c, h, w]."""

    time: int
    role: Role
    passed: Tensor = shared()


@dataclass(frozen=True)
class DTMMemory:
    """The last frames; each object's vector, its last mask, its given mask and the time of the frame of that one.

    hidden [b, n, d]; last and given [b, n, h, w] at stride 16.
    """

    window: tuple[Seen, ...]
    references: tuple[Reference, ...]
    first: tuple[int, ...] = slots()
    given: Tensor = owned()
    last: Tensor = owned()
    hidden: Tensor = owned()

    def held(self) -> tuple[Held, ...]:
        """What a policy may know, by time."""
        fixed = [Held(each.time, each.role, size_in_bytes(each)) for each in self.references]
        moving = [Held(each.time, "recent", size_in_bytes(each)) for each in self.window]
        return tuple(sorted([*fixed, *moving], key=lambda each: each.time))

    def stacked_references(self) -> tuple[Float[Tensor, "b m c h w"], Int[Tensor, "b n"]]:
        """All m references, and which of them is each object's, [b, n], alike in all clips."""
        times = [each.time for each in self.references]
        passed = torch.stack([each.passed for each in self.references], dim=1)
        which = torch.tensor([times.index(time) for time in self.first], device=passed.device)
        return passed, which.expand(len(passed), -1)


def still_needed(references: Sequence[Reference], first: Sequence[int]) -> tuple[Reference, ...]:
    """The references that some object was given in."""
    return tuple(each for each in references if each.time in first)
