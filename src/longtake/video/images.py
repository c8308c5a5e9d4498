"""Images as frames: 8 and 16 bits, any mode that Pillow reads, turned as their camera says."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from longtake.errors import SourceError

IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises on a damaged image."""


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts frame 10 after frame 9."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def images_in(folder: Path) -> list[Path]:
    """The images of a folder in natural order. Raises SourceError where it cannot be listed."""
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_ENDINGS and file.is_file()]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    return sorted((file for file in found if not file.name.startswith(".")), key=natural_order)


def repeated_names(files: list[Path]) -> list[str]:
    """Stems that several files have."""
    return [name for name, count in Counter(file.stem for file in files).items() if count > 1]


def read_image(path: Path) -> np.ndarray:
    """RGB uint8 [h, w, 3]; of 16-bit images the upper 8. Raises SourceError naming the file."""
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                return _upper_bits(np.array(upright), path)
            if upright.mode == "F":
                raise SourceError(f"{path}: an image of floating-point numbers; save it with 8 or 16 bits")
            return np.array(upright.convert("RGB"))
    except UNREADABLE as error:
        raise SourceError(f"{path}: not a readable image ({error})") from error


def _upper_bits(values: np.ndarray, path: Path) -> np.ndarray:
    if values.min() < 0 or values.max() > 65535:
        raise SourceError(f"{path}: values from {values.min()} to {values.max()}; save it with 8 or 16 bits")
    return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
