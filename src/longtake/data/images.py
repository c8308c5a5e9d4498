"""Decoding of images and id masks for training and evaluation."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from longtake.errors import InputError, MaskError


def read_rgb(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """An image as RGB. Raises InputError naming the file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: not a readable image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_rgba(path: Path) -> UInt8[np.ndarray, "h w 4"]:
    """An image as RGB and alpha. Raises InputError naming the file."""
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGBA"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error


def read_ids(path: Path) -> UInt8[np.ndarray, "h w"]:
    """The ids of a palette or greyscale mask; the ignore value 255 becomes background. Raises MaskError."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L", "1"):
                raise MaskError(f"{path}: a mask in mode {image.mode}; expected palette or greyscale ids")
            ids = np.array(image).astype(np.uint8)
    except (OSError, UnidentifiedImageError) as error:
        raise MaskError(f"{path}: not a readable mask ({error})") from error
    ids[ids == 255] = 0
    return ids
