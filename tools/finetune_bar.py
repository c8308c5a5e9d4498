"""Does fine-tuning on a few frames of a clip help on the rest of it? Rendered clips on which the bundled model errs.

    python tools/finetune_bar.py OUT [--seeds 11 12 13 14 15] [--json docs/finetune.json] [--pictures docs/finetune]

Of each clip (72 frames, 432x240) 20 masks are given away, evenly spread; `longtake train finetune` trains on them. The
bundled model and the fine-tuned one follow the objects from the first mask; J is that of the other 52 frames. What is
hard is drawn in every clip: colours of the background, a look-alike, something in front, others that pass, motion blur,
objects that bend, and two objects that cross. Surfaces are of families that no recipe renders: cells, labyrinths, weave
and rings. Wall time is scaled to a machine that multiplies 2048x2048 float32 matrices at 170 GFLOP/s; processor time is
told, too, for other work may run beside.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
from PIL import Image

from longtake import Session
from longtake.data.procedural import cast, draw_scene, motion, photometry, scene, textures
from longtake.systems.models import load
from longtake.video.palette import write_labels

FRAMES, SIZE, OBJECTS, ANNOTATED = 72, (240, 432), 2, 20
LEAST = 400
"""Pixels of an object that is in sight."""
HARD = cast.Chances(
    late=0, leave=0, occluder=1, lookalike=1, deform=1, camouflage=1, distractor=1, cross=1, blur=1, follow=0.9
)
REFERENCE = 170.0
"""GFLOP/s."""
RISE, MINUTES = 0.05, 5.0

Clip = list[tuple[np.ndarray, np.ndarray]]


def cells(rng: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Cells about random points, each of one shade: as of a giraffe, or of dried mud."""
    count = int(np.clip(height * width / scale**2 / 4, 6, 400))
    seeds = np.ones((height, width), np.uint8)
    seeds[rng.integers(height, size=count), rng.integers(width, size=count)] = 0
    far, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    shades = rng.random(int(labels.max()) + 1, np.float32)
    return np.clip(shades[labels] - 0.3 * far / max(float(far.max()), 1), 0, 1).astype(np.float32)


def labyrinth(rng: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Bent stripes of one width that run everywhere: noise of one frequency, cut in two."""
    grain = rng.standard_normal((height, width)).astype(np.float32)
    sigma = float(np.clip(scale / 4, 1, 12))
    band = cv2.GaussianBlur(grain, (0, 0), sigma) - cv2.GaussianBlur(grain, (0, 0), 2 * sigma)
    return np.clip(0.5 + band / (1.5 * band.std() + 1e-6), 0, 1).astype(np.float32)


def weave(rng: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Threads over and under each other."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32) / max(scale / 2, 2)
    over = (rows.astype(int) + columns.astype(int)) % 2
    thread = np.where(over, np.abs(np.sin(np.pi * rows)), 0.8 * np.abs(np.sin(np.pi * columns)))
    return (thread * rng.uniform(0.6, 1)).astype(np.float32)


def rings(rng: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Rings about two points, as in sawn wood."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    found = np.zeros((height, width), np.float32)
    for _ in range(2):
        y, x = rng.uniform(-0.5, 1.5, 2) * (height, width)
        found += np.sin(np.hypot(rows - y, columns - x) * 2 * np.pi / max(scale, 4))
    return np.clip(0.5 + found / 4, 0, 1).astype(np.float32)


UNSEEN = tuple((0.25, family) for family in (cells, labyrinth, weave, rings))


def bounded(rng: np.random.Generator, frames: int, rate: float) -> np.ndarray:
    """As `motion.drift`, which is for clips of a few frames, but never far from 0."""
    return 8 * rate * np.tanh(DRIFT(rng, frames, rate) / (8 * rate + 1e-9))


def strolling(rng: np.random.Generator, frames: int, step: float) -> np.ndarray:
    """As `motion.wander`, at a pace that stays about the same."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, frames))
    pace = step * np.exp(bounded(rng, frames, 0.1))
    steps = pace[:, None] * np.stack([np.cos(heading), 0.5 * np.sin(heading)], axis=1)
    steps[0] = 0
    return np.cumsum(steps, axis=0)


def held(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> motion.Camera:
    """As `motion.draw_camera`, turned back before the scene is left."""
    camera, reach = CAMERA(rng, frames, size), 0.1 * size[1]
    return motion.Camera(reach * np.tanh(camera.pan / reach), camera.zoom, camera.roll, camera.centre)


DRIFT, CAMERA = motion.drift, motion.draw_camera


def render(seed: int) -> Clip:
    """Images and ids, of the followed objects alone; both are in sight in the first frame and in most."""
    rng = np.random.default_rng([71, seed])
    with ExitStack() as long:
        long.enter_context(patch.multiple(textures, PATTERNS=UNSEEN, WEIGHTS=np.array([share for share, _ in UNSEEN])))
        for module in (motion, photometry):
            long.enter_context(patch.object(module, "drift", bounded))
        for module in (motion, cast):
            long.enter_context(patch.object(module, "wander", strolling))
        long.enter_context(patch.object(scene, "draw_camera", held))
        while True:
            clip = draw_scene(rng, FRAMES, *SIZE, OBJECTS, HARD)
            areas = np.array([np.bincount(ids.ravel(), minlength=256)[1 : OBJECTS + 1] for ids in clip.ids])
            if areas[0].min() > LEAST and ((areas > LEAST).mean(axis=0) > 0.8).all():
                return [(i, np.where(ids <= OBJECTS, ids, 0)) for i, ids in zip(clip.images, clip.ids, strict=True)]


def annotated() -> list[int]:
    """The frames that have masks."""
    return sorted({round(place) for place in np.linspace(0, FRAMES - 1, ANNOTATED)})


def write(clip: Clip, data: Path) -> None:
    """All frames of the clip, and the masks that are given away."""
    for folder in ("frames/clip", "masks/clip"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    for number, (image, ids) in enumerate(clip):
        Image.fromarray(image).save(data / f"frames/clip/{number:03d}.png")
        if number in annotated():
            write_labels(data / f"masks/clip/{number:03d}.png", ids.astype(np.uint16))


def follow(clip: Clip, model: str, given: Sequence[int] = (0,)) -> list[np.ndarray]:
    """The ids that a model finds in every frame; given: the frames whose masks it gets."""
    session = Session(load(model)[0])
    return [
        session.push(image, ids.astype(np.uint16) if number in given else None).labels
        for number, (image, ids) in enumerate(clip)
    ]


def region(clip: Clip, found: Sequence[np.ndarray]) -> float:
    """J over objects and the frames that have no mask; 1 where an object is in neither."""
    values = []
    for number, ((_, truth), labels) in enumerate(zip(clip, found, strict=True)):
        for name in range(1, OBJECTS + 1) if number not in annotated() else ():
            one, other = truth == name, labels == name
            either = (one | other).sum()
            values.append((one & other).sum() / either if either else 1.0)
    return float(np.mean(values))


def speed() -> float:
    """GFLOP/s of products of 2048x2048 float32 matrices, the best of ten."""
    one, other = torch.rand(2, 2048, 2048)
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        torch.mm(one, other)
        taken.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(taken) / 1e9


def train(data: Path, out: Path, settings: Sequence[str]) -> tuple[float, float]:
    """Seconds of the wall and of the processor that `longtake train finetune` takes."""
    words = [sys.executable, "-m", "longtake", "train", "finetune", "--data", data, "--out", out]
    words += [word for setting in settings for word in ("--set", setting)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([str(word) for word in words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, used


def picture(clip: Clip, rows: Sequence[Sequence[np.ndarray]], path: Path) -> None:
    """Frames that had no mask in training, across: a row for each of the given masks, drawn over them."""
    chosen = [n for n in np.linspace(8, FRAMES - 8, 3).astype(int) if n not in annotated()] or [FRAMES // 2]
    colours = np.array([(0, 0, 0), (230, 40, 40), (40, 200, 70)], np.uint8)
    lines = []
    for labels in rows:
        shown = []
        for number in chosen:
            image, ids = clip[number][0], labels[number]
            mixed = np.where((ids > 0)[..., None], image // 2 + colours[np.minimum(ids, 2)] // 2, image)
            shown.append(cv2.resize(mixed, (288, 160), interpolation=cv2.INTER_AREA))
        lines.append(np.hstack(shown))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(lines)).save(path, quality=80)


def measure(seed: int, out: Path, settings: Sequence[str], pictures: Path | None) -> dict[str, Any]:
    """All figures of a clip."""
    clip, run = render(seed), out / str(seed)
    write(clip, run / "data")
    gflops = speed()
    wall, used = train(run / "data", run / "run", settings)
    gflops = max(gflops, speed())
    before, after = follow(clip, "default"), follow(clip, str(run / "run/model.safetensors"))
    if pictures is not None:
        picture(clip, [[ids for _, ids in clip], before, after], pictures / f"{seed}.jpg")
    return {
        "seed": seed,
        "before": region(clip, before),
        "after": region(clip, after),
        "minutes": wall / 60,
        "scaled minutes": wall / 60 * gflops / REFERENCE,
        "processor minutes": used / 60,
        "gflops": gflops,
    }


def more(seeds: Sequence[int], out: Path) -> Iterator[dict[str, Any]]:
    """What the models of `out` do where all 20 masks are given, and on the clip of the next seed, new to them."""
    for seed, other in zip(seeds, [*seeds[1:], seeds[0]], strict=True):
        clip, unlike, tuned = render(seed), render(other), str(out / str(seed) / "run/model.safetensors")
        yield {
            "seed": seed,
            "all given, before": region(clip, follow(clip, "default", annotated())),
            "all given, after": region(clip, follow(clip, tuned, annotated())),
            "clip of seed": other,
            "other clip, after": region(unlike, follow(unlike, tuned)),
        }


def tell(figures: dict[str, Any]) -> str:
    """A line."""
    return ", ".join(
        f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in figures.items()
    )


def summary(clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means, and whether the bar is reached."""
    mean = {key: float(np.mean([clip[key] for clip in clips])) for key in clips[0] if key != "seed"}
    rise, slowest = mean["after"] - mean["before"], max(clip["scaled minutes"] for clip in clips)
    return {"mean": mean, "rise": rise, "slowest": slowest, "reached": rise >= RISE and slowest <= MINUTES}


def main() -> None:
    """Measure all clips; the exit status is 1 where J does not rise enough, or not in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--more", action="store_true", help="of models that are there: all masks given, another clip")
    given = parser.parse_args()
    if given.more:
        for figures in more(given.seeds, given.out):
            print(tell(figures), flush=True)
        return
    facts = {"frames": FRAMES, "annotated": ANNOTATED, "size": SIZE, "objects": OBJECTS, "processors": os.cpu_count()}
    clips = list[dict[str, Any]]()
    for seed in given.seeds:
        clips.append(measure(seed, given.out, given.set, given.pictures))
        print(tell(clips[-1]), flush=True)
        if given.json:
            given.json.write_text(json.dumps(facts | summary(clips) | {"clips": clips}, indent=1) + "\n")
    found = summary(clips)
    print(tell(found["mean"]), f"rise {found['rise']:.3f}: {'' if found['reached'] else 'not '}reached", sep="\n")
    sys.exit(not found["reached"])


if __name__ == "__main__":
    main()
