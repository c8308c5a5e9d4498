"""Small data sets in DAVIS layout that longtake renders itself: to check an installation, to compare models fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, Actor, Leaver, Walker, render
from longtake.video.palette import write_labels

HEIGHT, WIDTH = 240, 432

Hues = tuple[tuple[int, int, int], tuple[int, int, int]]

RED, SAND, NIGHT, SNOW = (196, 62, 48), (242, 187, 66), (58, 76, 160), (222, 226, 238)
MOSS, LIME, SLATE = (44, 110, 73), (176, 208, 120), (96, 104, 118)

SHORT: Mapping[str, tuple[Actor, ...]] = {
    "hidden": DEMO_ACTORS,
    "alike": (
        Actor(1, 0.15, 6, (RED, SAND), (0.15, 0.35), (0.80, 0.60), spin=90),
        Actor(2, 0.15, 6, (RED, SAND), (0.80, 0.40), (0.20, 0.60), spin=-90),
    ),
    "leaving": (
        Leaver(1, 0.16, 5, (NIGHT, SNOW), (0.22, 0.45), (-0.30, 0.45)),
        Actor(2, 0.22, 8, (MOSS, LIME), (0.65, 0.60), (0.55, 0.50), spin=40),
    ),
    "small": (
        Actor(1, 0.06, 4, (SAND, NIGHT), (0.15, 0.80), (0.90, 0.75), bounce=0.35, spin=400),
        Actor(2, 0.07, 3, (SNOW, RED), (0.85, 0.25), (0.25, 0.35), spin=-200),
    ),
}
"""An object that passes behind another; two that look alike and cross; one that leaves and returns; small fast ones."""


def _walker(name: int, radius: float, corners: int, hues: Hues, *way: tuple[float, float, float]) -> Walker:
    return Walker(name, radius, corners, hues, (0, 0), (0, 0), spin=200, way=way)


LONG: Mapping[str, tuple[Actor, ...]] = {
    "away": (
        Actor(2, 0.20, 9, (MOSS, LIME), (0.70, 0.66), (0.30, 0.60), spin=60),
        _walker(
            1, 0.15, 5, (RED, SAND), (0, 0.35, 0.40), (0.2, 0.75, 0.45), (0.3, 1.2, 0.4), (0.7, 1.2, 0.4), (1, 0.3, 0.5)
        ),
    ),
    "elsewhere": (
        _walker(
            1,
            0.16,
            6,
            (NIGHT, SNOW),
            (0, 0.5, 0.4),
            (0.25, -0.2, 0.5),
            (0.26, -0.2, 1.5),
            (0.27, 1.2, 1.5),
            (0.28, 1.2, 0.6),
            (0.65, 1.2, 0.6),
            (1, 0.4, 0.6),
        ),
        Actor(2, 0.12, 4, (SAND, RED), (0.2, 0.7), (0.8, 0.7), bounce=0.2, spin=300),
    ),
    "behind": (
        _walker(1, 0.10, 5, (LIME, NIGHT), (0, 0.1, 0.6), (0.3, 0.55, 0.55), (0.7, 0.56, 0.55), (1, 0.9, 0.5)),
        Actor(2, 0.42, 12, (SLATE, SNOW), (0.55, 0.55), (0.56, 0.55)),
    ),
    "double": (
        Actor(2, 0.15, 6, (RED, SNOW), (0.75, 0.35), (0.65, 0.55), spin=-120),
        _walker(
            1,
            0.15,
            6,
            (RED, SNOW),
            (0, 0.3, 0.6),
            (0.25, -0.2, 0.6),
            (0.65, -0.2, 0.6),
            (0.8, 0.25, 0.4),
            (1, 0.3, 0.5),
        ),
    ),
}
"""One that leaves and returns where it left, and one that returns on the other side; one that stays behind another; one
that leaves while its double stays. All are away for 100 frames and more."""


@dataclass(frozen=True)
class Rendered:
    """Clips by name, and how many frames each has."""

    clips: Mapping[str, tuple[Actor, ...]]
    frames: int


SETS: Mapping[str, Rendered] = {"synth": Rendered(SHORT, 30), "synth-long": Rendered(LONG, 300)}


def write_rendered(root: Path, name: str = "synth") -> Path:
    """Render the clips of a set into a folder, `all` of them as split `val`; the same every time."""
    rendered = SETS[name]
    for seed, (clip, actors) in enumerate(rendered.clips.items()):
        frames, masks = (root / kind / f"{HEIGHT}p" / clip for kind in ("JPEGImages", "Annotations"))
        frames.mkdir(parents=True, exist_ok=True)
        masks.mkdir(parents=True, exist_ok=True)
        for t, (image, ids) in enumerate(render(actors, rendered.frames, HEIGHT, WIDTH, seed)):
            Image.fromarray(image).save(frames / f"{t:05d}.jpg", quality=92)
            write_labels(masks / f"{t:05d}.png", ids.astype(np.uint16))
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "val.txt").write_text("\n".join(rendered.clips) + "\n")
    return root
