"""What DTMNet remembers: a graph of the last frames, a vector per object, and the frames that were given.

Shapes: b batch, n objects, d feature channels, c channels that the decoder takes, r channels that edges follow from, o
offsets of a window, h and w the grid at stride 16.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from longtake.memory.policy import Held, Role
from longtake.memory.tree import owned, shared, size_in_bytes, slots


@dataclass(frozen=True)
class Nodes:
    """A frame's nodes, which know nothing of objects: all that the next frame needs of them.

    source, target: what edges follow from [b, r, h, w]. passed: what is smoothed along the edges [b, c, h, w].
    """

    source: Tensor = shared()
    target: Tensor = shared()
    passed: Tensor = shared()


@dataclass(frozen=True)
class Link:
    """Edges from the frame before to this one, and back, [b, o, h, w]."""

    onward: Tensor = shared()
    back: Tensor = shared()


@dataclass(frozen=True)
class Seen:
    """A frame of the graph: edges within it [b, o, h, w], and what its nodes' classes follow from [b, 2, h, w].

    nodes: of the last frame. links: to the frame before, if that is one of the graph.
    """

    time: int
    within: Tensor = shared()
    scores: Tensor = shared()
    nodes: tuple[Nodes, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A frame in which masks were given, as the decoder takes it: [b, c, h, w]."""

    time: int
    role: Role
    passed: Tensor = shared()


@dataclass(frozen=True)
class DTMMemory:
    """The graph; each object's vector, its last mask, its given mask, and the time of the frame of that one.

    hidden [b, n, d]; given_masks and last_masks [b, n, h, w], how much of each place is the object's.
    """

    window: tuple[Seen, ...]
    references: tuple[Reference, ...]
    given_times: tuple[int, ...] = slots()
    given_masks: Tensor = owned()
    last_masks: Tensor = owned()
    hidden: Tensor = owned()

    def held(self) -> tuple[Held, ...]:
        """What a policy may know, by time."""
        fixed = [Held(each.time, each.role, size_in_bytes(each)) for each in self.references]
        moving = [Held(each.time, "recent", size_in_bytes(each)) for each in self.window]
        return tuple(sorted([*fixed, *moving], key=lambda each: each.time))

    def stacked_references(self) -> tuple[Float[Tensor, "b m c h w"], Int[Tensor, "b n"]]:
        """All m references, and which of them is each object's, alike in all clips."""
        times = [each.time for each in self.references]
        passed = torch.stack([each.passed for each in self.references], dim=1)
        which = torch.tensor([times.index(time) for time in self.given_times], device=passed.device)
        return passed, which.expand(len(passed), -1)


def still_needed(references: Sequence[Reference], times: Sequence[int]) -> tuple[Reference, ...]:
    """The references that some object was given in."""
    return tuple(each for each in references if each.time in times)


def newest(frames: Sequence[Seen], count: int) -> tuple[Seen, ...]:
    """So many of the last frames, without what nothing will ask of them again."""
    oldest, *others = frames[-count:]
    kept = [replace(oldest, links=()), *others]
    return (*(replace(each, nodes=()) for each in kept[:-1]), kept[-1])
