from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from longtake.types import VideoInfo
from longtake.video.palette import write_labels
from longtake.video.sinks import VideoSink

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def manifest(tmp_path: Path, rendered: Rendered) -> Path:
    """Three videos, one that is missing and one whose mask is none."""
    lines = ["source,masks,name"]
    for number in range(3):
        images, ids = rendered(5, seed=number)
        info = VideoInfo(str(number), 5, Fraction(24), Fraction(1, 24))
        with VideoSink(tmp_path / f"{number}.mp4", info) as video:
            for k, image in enumerate(images):
                video.add(image, Fraction(k, 24))
        write_labels(tmp_path / f"{number}.png", ids[0].astype(np.uint16))
        lines.append(f"{number}.mp4,{number}.png,")
    lines += ["none.mp4,0.png,missing", "1.mp4,2.mp4,unmasked"]
    (tmp_path / "videos.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "videos.csv"
