"""Decoding of images and id masks for training and evaluation."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from longtake.errors import InputError, MaskError
from longtake.video.masks import read_masks


def read_rgb(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """An image as RGB. Raises InputError naming the file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise InputError(f"{path}: not a readable image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_pair(image: Path, mask: Path) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """An image and its ids. Raises InputError where a file cannot be read or their sizes differ."""
    picture, ids = read_rgb(image), read_ids(mask)
    if picture.shape[:2] != ids.shape:
        raise InputError(f"{mask}: {ids.shape[1]}x{ids.shape[0]} pixels, but {image.name} is of another size")
    return picture, ids


def read_rgba(path: Path) -> UInt8[np.ndarray, "h w 4"]:
    """An image as RGB and alpha. Raises InputError naming the file."""
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGBA"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error


def read_ids(path: Path) -> UInt8[np.ndarray, "h w"]:
    """The ids of a mask, read as `longtake.video.masks.read_masks` does. Raises MaskError, also beyond id 255."""
    masks = read_masks(path)
    if masks.ids and masks.ids[-1] > 255:
        raise MaskError(f"{path}: id {masks.ids[-1]}; training and scoring take ids up to 255")
    return masks.labels.astype(np.uint8)
