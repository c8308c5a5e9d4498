"""Which annotated frames of a video make a training clip: the samplers of the papers, each a function.

A sampler gets a generator, the footage, the number of frames and the largest gap (in annotated frames), and gives frame
numbers; the first is the reference frame, whose masks are given. Whose facts they carry over: [S] STCN, [X] XMem, [A]
AOT, [G] A-GAME, [AG] AGSS-VOS.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

SamplerName = Literal["ordered", "skip", "neighbourhood", "gaps", "consecutive", "combination", "stride"]

ENOUGH = 200
"""Pixels of foreground that a reference frame needs, where a sampler asks for some [A]."""


class Footage(ABC):
    """What a sampler may ask of a video."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of annotated frames, at least 1."""

    @abstractmethod
    def areas(self, index: int) -> Mapping[int, int]:
        """The pixels of each object in a frame; of an area that is not known, as many as suffice."""

    def visible(self, index: int) -> frozenset[int]:
        """The objects that a frame shows."""
        return frozenset(self.areas(index))

    def shows_enough(self, index: int) -> bool:
        """Whether a frame has more than 200 pixels of foreground."""
        return sum(self.areas(index).values()) > ENOUGH


Sampler = Callable[[np.random.Generator, Footage, int, int], list[int]]


def ordered(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """In order of time or against it, neighbours 1..gap apart (STM, section 3.5), closer in a short video.

    A video with fewer frames than asked for repeats its last ones.
    """
    gap = max(1, min(gap, (len(footage) - 1) // max(1, count - 1)))
    steps = rng.integers(1, gap + 1, count - 1)
    return _turned(rng, _from_anywhere(rng, len(footage), np.concatenate([[0], np.cumsum(steps)])))


def stride(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """In order of time, all neighbours equally far apart, 1..gap (DMN-AOA: 4 frames, gap 5)."""
    gap = max(1, min(gap, (len(footage) - 1) // max(1, count - 1)))
    return _from_anywhere(rng, len(footage), int(rng.integers(1, gap + 1)) * np.arange(count))


def consecutive(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """Neighbours, from a random frame that shows an object [G: DTMNet's]; the gap has no say."""
    starts = rng.permutation(max(1, len(footage) - count + 1))
    start = next((int(i) for i in starts[:20] if footage.shows_enough(int(i))), int(starts[0]))
    return [min(start + i, len(footage) - 1) for i in range(count)]


def skip(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """A start, then each frame 1..gap+1 after the one before, the k-th not beyond len - gap/k [S: 3 frames, up to 25].

    Either direction; up to 5 starts are tried for one whose first frame shows an object.
    """
    chosen = list[int]()
    for _ in range(5):
        jump = min(len(footage), gap)
        chosen = [int(rng.integers(0, len(footage) - jump + 1))]
        for k in range(1, count):
            following = chosen[-1] + 1 + int(rng.integers(0, jump + 1))
            chosen.append(min(following, len(footage) - jump // k, len(footage) - 1))
        chosen = _turned(rng, [min(i, len(footage) - 1) for i in chosen])
        if footage.areas(chosen[0]):
            break
    return chosen


def neighbourhood(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """Each frame within the gap of one drawn before, no frame twice, then in order, either direction [X: 8 frames]."""
    chosen = {int(rng.integers(len(footage)))}
    while len(chosen) < min(count, len(footage)):
        near = {i for at in chosen for i in range(at - gap, at + gap + 1) if 0 <= i < len(footage)}
        free = sorted(near - chosen)
        chosen.add(free[int(rng.integers(len(free)))])
    filled = sorted(chosen) + [max(chosen)] * (count - len(chosen))
    return _turned(rng, filled)


def gaps(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """A reference frame and the following ones 1..gap apart, reflected at the ends, either direction [A: 5 frames].

    Filter: a reference frame of more than 200 pixels (20 tries), and no object that it lacks in the others (5 tries).
    """
    tries = rng.integers(0, len(footage), 20)
    reference = next((int(i) for i in tries if footage.shows_enough(int(i))), int(tries[0]))
    chosen = [reference]
    for _ in range(5):
        way = 1 if rng.random() < 0.5 else -1
        places = reference + way * np.cumsum(rng.integers(1, gap + 1, count - 1))
        chosen = [reference, *(reflected(int(place), len(footage)) for place in places)]
        if all(footage.visible(i) <= footage.visible(reference) for i in chosen):
            break
    return chosen


def combination(rng: np.random.Generator, footage: Footage, count: int, gap: int) -> list[int]:
    """Frames that show the same objects: any as reference, the others in a row, either direction [AG: LSTNet's]."""
    tries = rng.integers(0, len(footage), 20)
    wanted = next((seen for i in tries if (seen := footage.visible(int(i)))), frozenset[int]())
    alike = [i for i in range(len(footage)) if footage.visible(i) == wanted]
    start = int(rng.integers(0, max(1, len(alike) - count + 2)))
    row = [alike[min(start + i, len(alike) - 1)] for i in range(count - 1)]
    return [alike[int(rng.integers(len(alike)))], *_turned(rng, row)]


def reflected(index: int, length: int) -> int:
    """A frame number beyond the ends, turned back at them."""
    if length == 1:
        return 0
    index = abs(index) % (2 * (length - 1))
    return min(index, 2 * (length - 1) - index)


def _from_anywhere(rng: np.random.Generator, length: int, offsets: np.ndarray) -> list[int]:
    start = int(rng.integers(0, max(1, length - int(offsets[-1]))))
    return [min(start + int(offset), length - 1) for offset in offsets]


def _turned(rng: np.random.Generator, chosen: Sequence[int]) -> list[int]:
    """The frames as they are or in reverse, with even chances."""
    return list(chosen) if rng.random() < 0.5 else list(reversed(chosen))


SAMPLERS: Mapping[SamplerName, Sampler] = {
    "ordered": ordered,
    "skip": skip,
    "neighbourhood": neighbourhood,
    "gaps": gaps,
    "consecutive": consecutive,
    "combination": combination,
    "stride": stride,
}


def draw_frames(
    rng: np.random.Generator, footage: Footage, count: int, gap: int, samplers: Mapping[SamplerName, float]
) -> list[int]:
    """Frame numbers by one of the samplers, drawn by its weight."""
    names, weights = list(samplers), np.array(list(samplers.values()))
    chosen = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return SAMPLERS[chosen](rng, footage, count, gap)
