"""A small data set in DAVIS layout that longtake renders itself: to check an installation, to compare models fast."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, Actor, Leaver, render
from longtake.video.palette import write_labels

FRAMES, HEIGHT, WIDTH = 30, 240, 432

RED, SAND, NIGHT, SNOW = (196, 62, 48), (242, 187, 66), (58, 76, 160), (222, 226, 238)

CLIPS: Mapping[str, tuple[Actor, ...]] = {
    "hidden": DEMO_ACTORS,
    "alike": (
        Actor(1, 0.15, 6, (RED, SAND), (0.15, 0.35), (0.80, 0.60), spin=90),
        Actor(2, 0.15, 6, (RED, SAND), (0.80, 0.40), (0.20, 0.60), spin=-90),
    ),
    "leaving": (
        Leaver(1, 0.16, 5, (NIGHT, SNOW), (0.22, 0.45), (-0.30, 0.45)),
        Actor(2, 0.22, 8, ((44, 110, 73), (176, 208, 120)), (0.65, 0.60), (0.55, 0.50), spin=40),
    ),
    "small": (
        Actor(1, 0.06, 4, (SAND, NIGHT), (0.15, 0.80), (0.90, 0.75), bounce=0.35, spin=400),
        Actor(2, 0.07, 3, (SNOW, RED), (0.85, 0.25), (0.25, 0.35), spin=-200),
    ),
}
"""An object that passes behind another; two that look alike and cross; one that leaves and returns; small fast ones."""


def write_rendered(root: Path) -> Path:
    """Render the clips into a folder, `all` of them as split `val`; the same every time."""
    for seed, (name, actors) in enumerate(CLIPS.items()):
        frames, masks = (root / kind / f"{HEIGHT}p" / name for kind in ("JPEGImages", "Annotations"))
        frames.mkdir(parents=True, exist_ok=True)
        masks.mkdir(parents=True, exist_ok=True)
        for t, (image, ids) in enumerate(render(actors, FRAMES, HEIGHT, WIDTH, seed)):
            Image.fromarray(image).save(frames / f"{t:05d}.jpg", quality=92)
            write_labels(masks / f"{t:05d}.png", ids.astype(np.uint16))
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "val.txt").write_text("\n".join(CLIPS) + "\n")
    return root
