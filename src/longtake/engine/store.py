"""Masks by content: what was stored once is never changed, so edits refer to it and share it."""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import UInt16
from PIL import Image

from longtake.errors import MaskError
from longtake.video.palette import write_labels
from longtake.video.sinks import make_folder, output


class MaskStore:
    """A folder of palette PNGs, each named by what it shows; it grows with the edits."""

    def __init__(self, folder: Path) -> None:
        """Raises OutputError where the folder cannot be written."""
        self.folder = make_folder(folder)

    def path(self, key: str) -> Path:
        """The file of some masks."""
        return self.folder / f"{key}.png"

    def put(self, labels: UInt16[np.ndarray, "h w"]) -> str:
        """Store ids, and give the key that they are found by. Raises OutputError."""
        height, width = labels.shape
        content = f"{height}x{width}".encode() + np.ascontiguousarray(labels, "<u2").tobytes()
        key = hashlib.sha256(content).hexdigest()[:32]
        if not (path := self.path(key)).exists():
            # In a folder of its own, since other threads may store the same at this moment.
            with output(path), TemporaryDirectory(dir=self.folder, prefix=".new-") as own:
                write_labels(made := Path(own) / path.name, labels)
                with made.open("rb+") as file:
                    os.fsync(file.fileno())  # what an edit refers to is on the disk before the edit is
                made.replace(path)
        return key

    def get(self, key: str) -> UInt16[np.ndarray, "h w"]:
        """The ids of a key. Raises MaskError where its file is gone or damaged."""
        try:
            with Image.open(self.path(key)) as image:
                return np.array(image).astype(np.uint16)
        except OSError as error:
            raise MaskError(f"{self.path(key)}: cannot be read ({error})") from error
