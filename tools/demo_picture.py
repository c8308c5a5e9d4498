"""Make docs/demo.jpg from the demo's overlay: python tools/demo_picture.py longtake-demo/overlay.mp4."""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from longtake.video.sources import open_source

SHOWN = (0, 20, 34, 58)


def main() -> None:
    """Four frames of the overlay, side by side."""
    frames = list(open_source(Path(sys.argv[1])))
    small = [cv2.resize(frames[i].image, (400, 225), interpolation=cv2.INTER_AREA) for i in SHOWN]
    Path("docs").mkdir(exist_ok=True)
    rows = [np.hstack(small[:2]), np.hstack(small[2:])]
    Image.fromarray(np.vstack(rows)).save("docs/demo.jpg", quality=88)


if __name__ == "__main__":
    main()
