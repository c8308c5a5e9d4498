"""Render the demo's clip and its masks into the package (python tools/render_demo.py)."""

from fractions import Fraction
from pathlib import Path

import numpy as np

import longtake
from longtake.data.synthetic import demo_clip
from longtake.types import VideoInfo
from longtake.video.palette import write_labels
from longtake.video.sinks import VideoSink

RATE = Fraction(24)


def main() -> None:
    """Write clip.mp4 and masks/<frame>.png."""
    folder = Path(longtake.__file__).parent / "demo"
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    with VideoSink(folder / "clip.mp4", VideoInfo("demo", None, RATE, 1 / RATE)) as video:
        for index, (image, ids) in enumerate(demo_clip()):
            video.add(image, index / RATE)
            write_labels(folder / "masks" / f"{index:06d}.png", ids.astype(np.uint16))


if __name__ == "__main__":
    main()
