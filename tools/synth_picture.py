"""Draw docs/pictures/synth.webp: the videos of a seed of longtake-synth, a row each, with the outlines of their masks.

python tools/synth_picture.py [--seed 1] [--columns 5]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from longtake.data.longsynth import film, stories
from longtake.video.palette import voc_palette

OUT = Path("docs/pictures/synth.webp")


def outlined(image: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A frame twice as large, with a line around each object in the colour of its id."""
    size = (2 * image.shape[1], 2 * image.shape[0])
    large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    for name in np.unique(ids[ids > 0]):
        mask = cv2.resize((ids == name).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        outer, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        bright = voc_palette()[name].astype(int) + 100
        cv2.drawContours(large, outer, -1, np.clip(bright, 0, 255).tolist(), 2)
    return large


def main() -> None:
    """Film the videos, and keep frames at even distances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--columns", type=int, default=5)
    given = parser.parse_args()
    rows = []
    for story in stories(given.seed):
        wanted = [(2 * k + 1) * story.frames // (2 * given.columns) for k in range(given.columns)]
        rows.append([outlined(*each) for time, each in enumerate(film(story)) if time in wanted])
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    half = Image.fromarray(sheet).resize((sheet.shape[1] * 5 // 8, sheet.shape[0] * 5 // 8), Image.Resampling.LANCZOS)
    half.save(OUT, quality=72, method=6)
    print(f"{OUT}: {OUT.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
