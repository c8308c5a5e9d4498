"""Predictions of the simplest tracker there is: the first mask stays where it is.

    python tools/first_mask.py DATASET SPLIT OUT
    longtake evaluate --protocol davis2016 --annotations DATASET --split SPLIT --predictions OUT

What a model must beat.
"""

import shutil
import sys
from pathlib import Path

from longtake.data.layouts import open_dataset


def main() -> None:
    """Write OUT/<video>/<frame>.png, each a copy of the video's first mask."""
    root, split, out = sys.argv[1:]
    for video in open_dataset(Path(root), split).videos:
        folder = Path(out) / video.name
        folder.mkdir(parents=True, exist_ok=True)
        masks = list(video.masks.values())
        for mask in masks:
            shutil.copyfile(masks[0], folder / mask.name)


if __name__ == "__main__":
    main()
