"""Clips as training takes them: a source drawn by weight, more laid over it, objects chosen and numbered.

Shapes: t frames, h height, w width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from longtake.data import augment
from longtake.data.clips import TRIES, ClipSource, PastedClips, Shape
from longtake.data.labels import VOID
from longtake.data.paste import Drawn, cut, paste
from longtake.errors import InputError, LongtakeError, UnreadableError
from longtake.video.proposals import MOST

VISIBLE = 64
"""Pixels that an object needs in the frame in which it is given."""

MERGED = 100
"""Pixels that an object needs in the first frame once a second clip is laid over it [AOT]."""


@dataclass(frozen=True)
class Mixture(ClipSource):
    """Sources by weight. Over their clips are laid, now and then, a second clip's objects, distractors, look-alikes."""

    sources: Sequence[tuple[float, ClipSource]]
    paster: PastedClips | None = None
    merged: float = 0.0
    distractor: float = 0.0
    lookalike: float = 0.0

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        """A clip whose first frame shows at least one object; ids 1..n without gaps, in the order in which they come.

        Raises InputError where no such clip is drawn.
        """
        for _ in range(TRIES):
            clip = self._drawn(rng, shape)
            least = VISIBLE
            if rng.random() < self.merged:
                clip, least = merge(clip, self._drawn(rng, shape)), MERGED
            self._disturb(rng, clip, shape)
            if chosen := choose(rng, clip.ids, shape, least):
                images = augment.jitter(rng, clip.images, shape.colour, shape.frame_colour)
                return Drawn(images, renumber(clip.ids, chosen), clip.proposals)
        raise InputError(
            f"no object of {VISIBLE} pixels in the first frame of {TRIES} clips in a row; are the masks empty, "
            "or the crops (window) too small for their objects?"
        )

    def _drawn(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        weights = np.array([weight for weight, _ in self.sources])
        return self.sources[rng.choice(len(weights), p=weights / weights.sum())][1].draw(rng, shape)

    def _disturb(self, rng: np.random.Generator, clip: Drawn, shape: Shape) -> None:
        names = visible(clip.ids[0], VISIBLE)
        free = 1 + max(max(visible(ids, 1), default=0) for ids in clip.ids)
        if names and rng.random() < self.lookalike:
            twin = cut(clip.images[0], clip.ids[0] == rng.choice(names))
            paste(rng, clip, twin, self._name(rng, names, shape, free), max(twin.shape[:2]) * rng.uniform(0.7, 1.3))
            free += 1
        if self.paster is not None and rng.random() < self.distractor:
            side = min(shape.size) * rng.uniform(0.1, 0.5)
            paste(rng, clip, self.paster.cutout(rng), self._name(rng, names, shape, free), side)

    def _name(self, rng: np.random.Generator, names: Sequence[int], shape: Shape, free: int) -> int:
        """An id of its own where another object may still be followed, else none."""
        return free if len(names) < shape.objects and free < VOID and rng.random() < 0.7 else 0


def merge(below: Drawn, above: Drawn) -> Drawn:
    """The objects of a clip laid over another, under ids that are free there, as far as there are any (AOT)."""
    used, names = (sorted({i for ids in clip.ids for i in visible(ids, 1)}) for clip in (below, above))
    table = np.zeros(256, np.uint8)
    for name, free in zip(names, (i for i in range(1, VOID) if i not in used), strict=False):
        table[name] = free
    clip = Drawn([], [])
    for image, ids, other, others in zip(below.images, below.ids, above.images, above.ids, strict=True):
        moved = table[others]
        clip.images.append(np.where(moved[:, :, None] > 0, other, image))
        clip.ids.append(np.where(moved > 0, moved, ids))
    return clip


def visible(ids: augment.Ids, least: int) -> list[int]:
    """The objects of a frame that have so many pixels."""
    names, areas = np.unique(ids[(ids > 0) & (ids != VOID)], return_counts=True)
    return [int(name) for name in names[areas >= least]]


def choose(rng: np.random.Generator, clip: Sequence[augment.Ids], shape: Shape, least: int) -> dict[int, int]:
    """The objects to be followed, in random order, each with the frame in which it is given.

    They are of the first frame; where the shape wants late ones, also of the later, as far as there is room.
    """
    chosen = dict.fromkeys((int(name) for name in rng.permutation(visible(clip[0], least))[: shape.objects]), 0)
    early = visible(clip[0], 1)
    for t, ids in enumerate(clip[1:-1] if chosen and shape.late else (), start=1):
        fresh = [name for name in visible(ids, least) if name not in early and name not in chosen]
        chosen |= dict.fromkeys(fresh[: shape.objects - len(chosen)], t)
    return chosen


def renumber(clip: Sequence[augment.Ids], chosen: Mapping[int, int]) -> list[augment.Ids]:
    """The chosen objects as 1, 2, ...; others become background. Void stays; an object is void before its time."""
    frames = []
    for t, ids in enumerate(clip):
        table = np.zeros(256, np.uint8)
        table[VOID] = VOID
        for number, (name, first) in enumerate(chosen.items(), start=1):
            table[name] = number if t >= first else VOID
        frames.append(table[ids])
    return frames


class Sample(NamedTuple):
    """A clip: images uint8 [t, 3, h, w], ids uint8 [t, h, w], and the files that could not be read on the way.

    proposals: uint8 [t, p, h, w], empty masks as padding; None where nobody looked for any. error: why there is no
    clip, in one line; an exception would not come whole out of another process.
    """

    images: Tensor
    ids: Tensor
    skipped: tuple[str, ...]
    proposals: Tensor | None = None
    error: str = ""


NOTHING = torch.zeros(0, dtype=torch.uint8)


class ClipDataset(torch.utils.data.Dataset[Sample]):
    """Clip number i, which follows from the seeds and i alone; of unreadable files another clip is drawn.

    shape_of: the shape of a clip by its number.
    """

    def __init__(self, mixture: Mixture, shape_of: Callable[[int], Shape], seeds: Sequence[int]) -> None:
        self.mixture, self.shape_of, self.seeds = mixture, shape_of, tuple(seeds)

    def __getitem__(self, number: int) -> Sample:
        skipped = list[str]()
        try:
            for attempt in range(TRIES):
                try:
                    clip = self._drawn(number, attempt)
                except UnreadableError as error:
                    skipped.append(str(error))
                    continue
                images = torch.from_numpy(np.stack(clip.images)).permute(0, 3, 1, 2)
                ids = torch.from_numpy(np.stack(clip.ids))
                return Sample(images, ids, tuple(skipped), _padded(clip))
            raise InputError(f"{TRIES} clips in a row cannot be read; the last: {skipped[-1]}")
        except LongtakeError as error:
            return Sample(NOTHING, NOTHING, tuple(skipped), error=str(error))

    def _drawn(self, number: int, attempt: int) -> Drawn:
        return self.mixture.draw(np.random.default_rng([*self.seeds, number, attempt]), self.shape_of(number))


def _padded(clip: Drawn) -> Tensor | None:
    """What was proposed, as many masks in every frame."""
    if clip.proposals is None:
        return None
    padded = np.zeros((len(clip.proposals), MOST, *clip.ids[0].shape), np.uint8)
    for own, found in zip(padded, clip.proposals, strict=True):
        own[: len(found)] = found
    return torch.from_numpy(padded)
