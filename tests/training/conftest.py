from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtake.video.palette import write_labels


@pytest.fixture
def data(tmp_path: Path, rendered: Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]) -> list[Path]:
    """A data set in DAVIS layout, photographs with masks, and cut-outs; all rendered."""
    davis, stills, cutouts = tmp_path / "davis", tmp_path / "stills", tmp_path / "cutouts"
    for kind in ("JPEGImages", "Annotations"):
        (davis / kind / "480p" / "toy").mkdir(parents=True)
    (davis / "ImageSets" / "2016").mkdir(parents=True)
    for split in ("train", "select"):
        (davis / "ImageSets" / "2016" / f"{split}.txt").write_text("toy\n")
    for folder in (stills / "images", stills / "masks", cutouts):
        folder.mkdir(parents=True)
    for index, (image, ids) in enumerate(zip(*rendered(8, 96, 128), strict=True)):
        Image.fromarray(image).save(davis / "JPEGImages/480p/toy" / f"{index:05d}.jpg")
        write_labels(davis / "Annotations/480p/toy" / f"{index:05d}.png", ids.astype(np.uint16))
        Image.fromarray(image).save(stills / "images" / f"{index}.jpg")
        write_labels(stills / "masks" / f"{index}.png", ids.astype(np.uint16))
    Image.fromarray(np.dstack([image, (ids > 0) * np.uint8(255)])).save(cutouts / "a.png")
    return [davis, stills, cutouts]
