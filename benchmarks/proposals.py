"""How good the best proposal is: each object's last mask moved and scaled, against the mask left where it is.

    python benchmarks/proposals.py DAVIS [--split select] [--gaps 1 2 4] [--every 3]

DAVIS 2016 layout, at 480p on the grid of stride 4. Printed is the mean, over pairs of frames so far apart, of the best
overlap (intersection over union) of any proposal with the true mask of the later frame, from that of the earlier one.
"""

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from longtake.data.layouts import open_dataset
from longtake.nn.boxes import tight_boxes
from longtake.systems.dmn_aoa.memory import STRIDE
from longtake.systems.dmn_aoa.moves import moved_boxes, moved_masks


def read(path: Path, size: tuple[int, int] = (480, 854)) -> torch.Tensor:
    """A mask as shares of cells of stride 4, [1, 1, h4, w4]."""
    mask = (np.asarray(Image.open(path)) > 0).astype(np.float32)
    grid = (size[1] // STRIDE, size[0] // STRIDE)
    return torch.from_numpy(cv2.resize(mask, grid, interpolation=cv2.INTER_AREA))[None, None]


def overlaps(masks: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each proposal with the truth."""
    found, there = masks > 0.5, truth > 0.5
    return (found & there).sum((-2, -1)) / (found | there).sum((-2, -1)).clamp(min=1)


def main() -> None:
    """Print a line for every gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="select")
    parser.add_argument("--gaps", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--every", type=int, default=3)
    given = parser.parse_args()
    videos = [list(video.masks.values()) for video in open_dataset(given.root, given.split, "2016").videos]
    for gap in given.gaps:
        best, still = list[float](), list[float]()
        for files in videos:
            for first, later in islice(zip(files, files[gap:], strict=False), None, None, given.every):
                mask, truth = read(first), read(later)
                boxes, seen = tight_boxes(mask > 0.5)
                if bool(seen) and bool((truth > 0.5).any()):
                    size = (STRIDE * mask.shape[2], STRIDE * mask.shape[3])
                    targets = moved_boxes(STRIDE * boxes, seen, size, still=False)
                    found = overlaps(moved_masks(mask, STRIDE * boxes, targets)[0, 0], truth[0, 0])
                    best.append(float(found.max()))
                    still.append(float(found[0]))
        print(
            f"{given.split}, {gap} frames apart: {np.mean(best):.3f} the best of {found.numel()}, "
            f"{np.mean(still):.3f} left in place ({len(best)} pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()
