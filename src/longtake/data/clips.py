"""Training clips from videos and from still images; every clip follows from a seed and its number alone.

Shapes: t frames, s side of the square crop, n objects.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from longtake.data import augment
from longtake.data.dataset import Video
from longtake.data.images import read_pair, read_rgba
from longtake.data.paste import Cutout, Drawn, cut, paste
from longtake.data.stills import Still

T = TypeVar("T")

TRIES = 8
VISIBLE = 64
"""Pixels that an object needs in the first frame to be followed."""


@dataclass(frozen=True)
class Shape:
    """What a clip is asked to be: number of frames, side in pixels, objects at most, largest gap between frames.

    window: the least and the largest crop, as shares of the picture's short side.
    """

    frames: int
    side: int
    objects: int
    gap: int
    window: tuple[float, float] = (0.45, 1.1)


class ClipSource(ABC):
    """Anything that draws clips."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        """A clip whose objects have any ids; objects may be absent from any frame."""


@dataclass(frozen=True)
class VideoClips(ClipSource):
    """Ordered frames of a video, gaps drawn up to the largest, either direction (STM, section 3.5)."""

    videos: Sequence[Video]

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        pairs = pick(rng, self.videos).pairs
        chosen = draw_frames(rng, len(pairs), shape.frames, shape.gap)
        images, ids = zip(*(read_pair(*pairs[i]) for i in chosen), strict=True)
        window = draw_window(rng, ids[0], shape)
        return _warped(rng, images, ids, window, augment.VIDEO, shape.side)


@dataclass(frozen=True)
class StillClips(ClipSource):
    """One photograph as every frame, each under its own random affine map (STM, section 3.5)."""

    stills: Sequence[Still]

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        still = pick(rng, self.stills)
        image, ids = read_pair(still.image, still.mask)
        ids = keep_objects(rng, ids, shape.objects)
        window = draw_window(rng, ids, shape)
        t = shape.frames
        return _warped(rng, [image] * t, [ids] * t, window, augment.STILL, shape.side)


@dataclass(frozen=True)
class PastedClips(ClipSource):
    """Clips of another source without their objects as background, with cut-outs that move over it."""

    background: ClipSource
    cutouts: Sequence[Path]
    stills: Sequence[Still]

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        clip = self.background.draw(rng, shape)
        clip = Drawn(clip.images, [np.zeros_like(ids) for ids in clip.ids])
        for name in range(1, shape.objects + 1):
            paste(rng, clip, self.cutout(rng), name, shape.side * rng.uniform(0.15, 0.7))
        return clip

    def cutout(self, rng: np.random.Generator) -> Cutout:
        """A cut-out from the folders of cut-outs, or an object out of a photograph."""
        if self.cutouts and (not self.stills or rng.random() < 0.4):
            return read_rgba(pick(rng, self.cutouts))
        still = pick(rng, self.stills)
        image, ids = read_pair(still.image, still.mask)
        ids = keep_objects(rng, ids, 1)
        return cut(image, ids > 0) if ids.any() else self.cutout(rng)


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One item, all alike likely."""
    return items[int(rng.integers(len(items)))]


def draw_frames(rng: np.random.Generator, length: int, count: int, gap: int) -> list[int]:
    """Frame numbers in order (or in reverse), neighbours 1..gap apart where the video is long enough.

    A video with fewer frames than asked for repeats its last ones.
    """
    gap = max(1, min(gap, (length - 1) // max(1, count - 1)))
    steps = rng.integers(1, gap + 1, count - 1)
    start = int(rng.integers(0, max(1, length - int(steps.sum()))))
    chosen = np.minimum(start + np.concatenate([[0], np.cumsum(steps)]), length - 1)
    return [int(i) for i in (chosen[::-1] if rng.random() < 0.5 else chosen)]


def keep_objects(rng: np.random.Generator, ids: augment.Ids, count: int) -> augment.Ids:
    """Up to `count` of the ids, drawn at random among those that cover 0.2 % to 60 % of the picture."""
    names, areas = np.unique(ids[ids > 0], return_counts=True)
    share = areas / ids.size
    names = names[(share > 0.002) & (share < 0.6)]
    chosen = rng.permutation(names)[:count]
    return np.where(np.isin(ids, chosen), ids, 0).astype(np.uint8)


def draw_window(rng: np.random.Generator, ids: augment.Ids, shape: Shape) -> np.ndarray:
    """A random square crop that tends to hold an object, flipped or not."""
    height, width = ids.shape
    side = min(height, width) * rng.uniform(*shape.window)
    points = np.argwhere(ids > 0)
    if len(points):
        y, x = points[rng.integers(len(points))] + rng.uniform(-0.3, 0.3, 2) * side
    else:
        y, x = rng.uniform(0, height), rng.uniform(0, width)
    y = np.clip(y, min(side, height) / 2, height - min(side, height) / 2)
    x = np.clip(x, min(side, width) / 2, width - min(side, width) / 2)
    return augment.crop((x, y), side, shape.side, bool(rng.random() < 0.5))


def _warped(
    rng: np.random.Generator,
    images: Sequence[augment.Image],
    ids: Sequence[augment.Ids],
    window: np.ndarray,
    how: augment.Wobble,
    output: int,
) -> Drawn:
    maps = [augment.compose(augment.wobble(rng, how, output), window) for _ in images]
    return Drawn(
        [augment.warp_image(image, m, output) for image, m in zip(images, maps, strict=True)],
        [augment.warp_ids(mask, m, output) for mask, m in zip(ids, maps, strict=True)],
    )


@dataclass(frozen=True)
class Mixture(ClipSource):
    """Sources by weight; over their clips, distractors and look-alikes are pasted now and then."""

    sources: Sequence[tuple[float, ClipSource]]
    paster: PastedClips | None
    distractor: float = 0.25
    lookalike: float = 0.2

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        """A clip whose first frame shows at least one object, ids 1..n without gaps."""
        weights = np.array([weight for weight, _ in self.sources])
        for _ in range(TRIES):
            source = self.sources[rng.choice(len(weights), p=weights / weights.sum())][1]
            clip = source.draw(rng, shape)
            self._disturb(rng, clip, shape)
            if names := _visible(rng, clip.ids[0], shape.objects):
                return Drawn(augment.jitter(rng, clip.images), [_renumber(ids, names) for ids in clip.ids])
        return Drawn(clip.images, [np.zeros_like(ids) for ids in clip.ids])

    def _disturb(self, rng: np.random.Generator, clip: Drawn, shape: Shape) -> None:
        names = _visible(rng, clip.ids[0], shape.objects)
        free = 1 + max(int(ids.max()) for ids in clip.ids)
        if names and rng.random() < self.lookalike:
            twin = cut(clip.images[0], clip.ids[0] == names[0])
            paste(rng, clip, twin, self._name(rng, names, shape, free), max(twin.shape[:2]) * rng.uniform(0.7, 1.3))
            free += 1
        if self.paster is not None and rng.random() < self.distractor:
            side = shape.side * rng.uniform(0.1, 0.5)
            paste(rng, clip, self.paster.cutout(rng), self._name(rng, names, shape, free), side)

    def _name(self, rng: np.random.Generator, names: list[int], shape: Shape, free: int) -> int:
        """An id of its own where another object may still be followed, else none."""
        return free if len(names) < shape.objects and rng.random() < 0.7 else 0


def _visible(rng: np.random.Generator, ids: augment.Ids, count: int) -> list[int]:
    names, areas = np.unique(ids[ids > 0], return_counts=True)
    return [int(name) for name in rng.permutation(names[areas >= VISIBLE])[:count]]


def _renumber(ids: augment.Ids, names: Sequence[int]) -> augment.Ids:
    table = np.zeros(256, np.uint8)
    table[list(names)] = np.arange(1, len(names) + 1)
    renumbered: augment.Ids = table[ids]
    return renumbered


class ClipDataset(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Clip number i as tensors: images uint8 [t, 3, s, s] and ids uint8 [t, s, s].

    shape_of gives the shape of a clip from its number, so that a whole batch may agree on one.
    """

    def __init__(self, mixture: Mixture, shapes: Sequence[Shape], batch: int, seed: int) -> None:
        self.mixture, self.shapes, self.batch, self.seed = mixture, shapes, batch, seed

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        shape = self.shapes[number // self.batch % len(self.shapes)]
        clip = self.mixture.draw(np.random.default_rng([self.seed, number]), shape)
        images = torch.from_numpy(np.stack(clip.images)).permute(0, 3, 1, 2)
        return images, torch.from_numpy(np.stack(clip.ids))
