"""Make docs/comparison/failures.jpg: the rendered long clips right after a return, the truth above each system's masks.

    python tools/failures.py RUNS/stm-1 RUNS/ddmemory-1 ...

Each is the folder of a run that tools/five_memories.py has measured.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from longtake.data.rendered import LONG
from longtake.export.overlay import blend

AFTER = 12
"""Frames after the first object came into sight again."""

SIZE, STRIP = (288, 160), 16


def tile(image: np.ndarray, mask: Path, caption: str) -> np.ndarray:
    """A frame with masks over it, and a line above."""
    labels = np.asarray(Image.open(mask)).astype(np.uint16)
    shown = cv2.resize(blend(image, labels, (1, 2)), SIZE, interpolation=cv2.INTER_AREA)
    head = np.full((STRIP, SIZE[0], 3), 24, np.uint8)
    cv2.putText(head, caption, (4, STRIP - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (228, 228, 231), 1, cv2.LINE_AA)
    return np.vstack([head, shown])


def main() -> None:
    """Draw the sheet: a column for each clip."""
    runs, columns = [Path(each) for each in sys.argv[1:]], []
    for clip in LONG:
        masks = sorted((runs[0] / "long/clips/Annotations/240p" / clip).iterdir())
        away = [k for k, mask in enumerate(masks) if not (np.asarray(Image.open(mask)) == 1).any()]
        frame = masks[away[-1] + AFTER].stem
        image = np.asarray(Image.open(runs[0] / f"long/clips/JPEGImages/240p/{clip}/{frame}.jpg"))
        tiles = [tile(image, masks[away[-1] + AFTER], f"truth: {clip}, frame {int(frame)}")]
        tiles += [tile(image, run / f"long/predictions/{clip}/{frame}.png", run.name) for run in runs]
        columns.append(np.vstack(tiles))
    Image.fromarray(np.hstack(columns)).save("docs/comparison/failures.jpg", quality=85)


if __name__ == "__main__":
    main()
