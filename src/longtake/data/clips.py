"""Training clips from videos, from still images and from nothing; every clip follows from a generator alone.

Shapes: t frames, h height, w width.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from longtake.data import augment
from longtake.data.footage import VideoFootage
from longtake.data.images import Store, reduction
from longtake.data.labels import VOID
from longtake.data.paste import Cutout, Drawn, cut, paste
from longtake.data.procedural import draw_scene
from longtake.data.proposed import Proposed
from longtake.data.samplers import SamplerName, draw_frames
from longtake.data.spline import Affine, Warp, draw_warp
from longtake.data.still import Still
from longtake.errors import InputError

T = TypeVar("T")

TRIES = 200
"""Draws in a row that come to nothing before it is told."""


@dataclass(frozen=True)
class Shape:
    """What a clip is asked to be: frames, height and width in pixels, objects at most, largest gap between frames.

    window: the least and the largest crop, as shares of the picture's short side. samplers: with their weights. late:
    whether objects that come after the first frame keep their ids. The rest is how much of each random change there is.
    """

    frames: int
    size: tuple[int, int]
    objects: int = 1
    gap: int = 5
    window: tuple[float, float] = (0.45, 1.1)
    samplers: Mapping[SamplerName, float] = field(default_factory=lambda: {"ordered": 1.0})
    late: bool = False
    affine: float = 1.0
    bend: float = 0.33
    flip: float = 0.5
    colour: float = 0.25
    frame_colour: float = 0.03


class ClipSource(ABC):
    """Anything that draws clips."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        """A clip whose objects have any ids below 255, which is void; objects may be absent from any frame."""


@dataclass(frozen=True)
class VideoClips(ClipSource):
    """Frames of a video, as a sampler chooses them, each under its own small affine map of a common crop."""

    videos: Sequence[VideoFootage]

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        video = pick(rng, self.videos)
        gap = max(1, shape.gap // video.spacing)
        chosen = draw_frames(rng, video, shape.frames, gap, shape.samplers)
        ids = [video.ids(i) for i in chosen]
        window = draw_window(rng, ids[0], shape)
        how = augment.VIDEO.times(shape.affine)
        warps = [Affine(augment.compose(augment.wobble(rng, how, shape.size), window), shape.size) for _ in ids]
        images = []
        for index, warp in zip(chosen, warps, strict=True):
            reduce = reduction(warp.scale)
            images.append(warp.image(video.rgb(index, reduce, ids[0].shape), reduce))
        found = None
        if video.proposed is not None:
            found = [
                warped(warp, video.proposed(video.pairs[i][0], ids[0].shape))
                for i, warp in zip(chosen, warps, strict=True)
            ]
        return Drawn(images, [warp.ids(mask) for warp, mask in zip(warps, ids, strict=True)], found)


@dataclass(frozen=True)
class StillClips(ClipSource):
    """One photograph as every frame, each under its own affine map (STM, section 3.5), some bent by a spline.

    proposed: what was proposed in a photograph, which is then warped like its objects.
    """

    stills: Sequence[Still]
    store: Store
    proposed: Proposed | None = None

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        still = pick(rng, self.stills)
        whole = still.ids(self.store)
        ids = keep_objects(rng, whole, shape.objects)
        window = draw_window(rng, ids, shape)
        found = None if self.proposed is None else self.proposed(still.image, whole.shape)
        clip = Drawn([], [], None if found is None else [])
        for _ in range(shape.frames):
            matrix = augment.compose(augment.wobble(rng, augment.STILL.times(shape.affine), shape.size), window)
            warp = draw_warp(rng, matrix, shape.size, shape.bend)
            reduce = reduction(warp.scale)
            clip.images.append(warp.image(still.rgb(self.store, whole, reduce), reduce))
            clip.ids.append(warp.ids(ids))
            if clip.proposals is not None and found is not None:
                clip.proposals.append(warped(warp, found))
        return clip


@dataclass(frozen=True)
class PastedClips(ClipSource):
    """Clips of another source without their objects as background, with cut-outs that move over it."""

    background: ClipSource
    cutouts: Sequence[Path]
    stills: Sequence[Still]
    store: Store

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        clip = self.background.draw(rng, shape)
        clip = Drawn(clip.images, [np.zeros_like(ids) for ids in clip.ids])
        for name in range(1, shape.objects + 1):
            paste(rng, clip, self.cutout(rng), name, min(shape.size) * rng.uniform(0.15, 0.7))
        return clip

    def cutout(self, rng: np.random.Generator) -> Cutout:
        """A cut-out from the folders of them, or an object out of a photograph. Raises InputError for want of any."""
        for _ in range(TRIES):
            if self.cutouts and (not self.stills or rng.random() < 0.4):
                return self.store.rgba(pick(rng, self.cutouts))
            still = pick(rng, self.stills)
            whole = still.ids(self.store)
            ids = keep_objects(rng, whole, 1)
            if (alone := (ids > 0) & (ids != VOID)).any():
                return cut(still.rgb(self.store, whole), alone)
        raise InputError(f"{still.truth}: no object of 0.2 % to 60 % of the picture, nor in {TRIES - 1} others drawn")


@dataclass(frozen=True)
class ProceduralClips(ClipSource):
    """Clips that are rendered from nothing."""

    def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
        return draw_scene(rng, shape.frames, *shape.size, shape.objects)


def warped(warp: Warp, masks: UInt8[np.ndarray, "p _ _"]) -> UInt8[np.ndarray, "p h w"]:
    """Masks through a clip's geometry."""
    found = [warp.ids(mask) for mask in masks]
    return np.stack(found) if found else np.zeros((0, *warp.size), np.uint8)


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One item, all alike likely."""
    return items[int(rng.integers(len(items)))]


def keep_objects(rng: np.random.Generator, ids: augment.Ids, count: int) -> augment.Ids:
    """Up to `count` of the ids, drawn at random among those that cover 0.2 % to 60 % of the picture; void stays."""
    names, areas = np.unique(ids[(ids > 0) & (ids != VOID)], return_counts=True)
    share = areas / ids.size
    names = names[(share > 0.002) & (share < 0.6)]
    chosen = rng.permutation(names)[:count]
    return np.where(np.isin(ids, [*chosen, VOID]), ids, 0).astype(np.uint8)


def draw_window(rng: np.random.Generator, ids: augment.Ids, shape: Shape) -> np.ndarray:
    """A random crop that tends to hold an object, flipped or not."""
    height, width = ids.shape
    short = min(height, width) * rng.uniform(*shape.window)
    tall, wide = (short * side / min(shape.size) for side in shape.size)
    points = np.argwhere((ids > 0) & (ids != VOID))
    if len(points):
        y, x = points[rng.integers(len(points))] + rng.uniform(-0.3, 0.3, 2) * (tall, wide)
    else:
        y, x = rng.uniform(0, height), rng.uniform(0, width)
    y = np.clip(y, min(tall, height) / 2, height - min(tall, height) / 2)
    x = np.clip(x, min(wide, width) / 2, width - min(wide, width) / 2)
    return augment.crop((x, y), short, shape.size, bool(rng.random() < shape.flip))
