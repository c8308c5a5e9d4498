"""Where a person should look next: frames in the order of doubt, with some distance between them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """A frame to look at: its least certain object, and how well that one's mask is expected to fit (J, 0 to 1)."""

    frame: int
    id: int
    confidence: float


def worst_first(
    confidence: Mapping[int, Mapping[int, float | None]], pinned: Collection[int] = (), apart: int = 5
) -> list[Doubt]:
    """The review queue: the worst frame first, then the worst of those that are no neighbour of one in the queue.

    confidence: by frame and object, None where it has no mask. pinned: frames that a person has looked at; they and
    their neighbours are left out. apart: frames that are nearer than this are neighbours.
    """
    doubts = []
    for frame, objects in confidence.items():
        known = {name: value for name, value in objects.items() if value is not None}
        if known:
            name = min(known, key=lambda each: (known[each], each))
            doubts.append(Doubt(frame, name, known[name]))
    queue, taken = list[Doubt](), set(pinned)
    for doubt in sorted(doubts, key=lambda each: (each.confidence, each.frame)):
        if taken.isdisjoint(range(doubt.frame - apart + 1, doubt.frame + apart)):
            queue.append(doubt)
            taken.add(doubt.frame)
    return queue
