"""Decoding of images and id masks for training, at full or reduced size, with a cache that is bounded in bytes.

Shapes: h, w the size of what is decoded; at 1/reduce of its size an image has ceil(h / reduce) x ceil(w / reduce)
pixels.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from longtake.data.labels import STRETCHED, VOID, ids_in
from longtake.errors import InputError, MaskError, UnreadableError
from longtake.video.images import UNREADABLE
from longtake.video.masks import UNSEEN, read_masks

Rgb = UInt8[np.ndarray, "h w 3"]
Rgba = UInt8[np.ndarray, "h w 4"]
Ids = UInt8[np.ndarray, "h w"]

REDUCTIONS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""By what a JPEG can be reduced while it is decoded, and OpenCV's name for it."""

JPEG, SCAN, END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
"""How a JPEG file starts, how its last part with pixels starts, and how that ends."""


def reduction(scale: float) -> int:
    """The largest reduction that leaves the wanted resolution; scale: source pixels per output pixel."""
    return max(reduce for reduce in REDUCTIONS if reduce <= max(scale, 1))


def read_rgb(path: Path, reduce: int = 1) -> Rgb:
    """An image as RGB at 1/reduce of its size; each pixel is the mean of reduce x reduce pixels.

    What the camera says of its orientation is ignored, as benchmarks do. reduce: 1, 2, 4 or 8. Raises UnreadableError
    naming the file.
    """
    data = _read(path)
    jpeg = data.startswith(JPEG)
    # of a JPEG that is cut short some versions of OpenCV return what there is, grey below; a thumbnail has an end too
    if jpeg and not data.endswith(END) and data.rfind(END) < data.rfind(SCAN):
        raise UnreadableError(f"{path}: not a readable image (cut short)")
    flags = REDUCTIONS[reduce if jpeg else 1] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadableError(f"{path}: not a readable image ({error.err})") from error
    if image is None:
        raise UnreadableError(f"{path}: not a readable image")
    if not jpeg and reduce > 1:
        image = _averaged(image, reduce)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _averaged(image: Rgb, reduce: int) -> np.ndarray:
    """Means of reduce x reduce pixels; the last row and column are repeated where the size is no multiple."""
    height, width = image.shape[:2]
    image = cv2.copyMakeBorder(image, 0, -height % reduce, 0, -width % reduce, cv2.BORDER_REPLICATE)
    return cv2.resize(image, (image.shape[1] // reduce, image.shape[0] // reduce), interpolation=cv2.INTER_AREA)


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    if not data:
        raise UnreadableError(f"{path}: not a readable image (an empty file)")
    return data


def _why(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else f"not a readable image ({error})"


def read_rgba(path: Path) -> Rgba:
    """A cut-out as RGB and alpha. Raises UnreadableError naming the file; InputError where no pixel is transparent."""
    try:
        with Image.open(path) as image:
            values = np.array(image.convert("RGBA"))
    except UNREADABLE as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    if values[..., 3].min() == 255:
        raise InputError(f"{path}: no pixel is transparent; a cut-out is an image of an object alone, with alpha")
    return values


def read_ids(path: Path, white: bool | None = None) -> Ids:
    """The ids of a mask; 255 is void. Colours are read as `longtake.video.masks.read_masks` does.

    white: of a mask that holds nothing but 0 and 255, whether 255 is the object, with id 1, or void; None: the object.
    Raises UnreadableError naming the file; MaskError where ids go beyond 255, or edges are soft.
    """
    values, kind = _stored(path)
    if kind == "colours":
        return _narrow(read_masks(path).labels, path)
    if values.dtype == np.uint8 and not ids_in(values):
        return values if white is False else values // VOID
    if kind == "greys" and not _are_ids(values):
        read_masks(path)  # refuses soft edges
    return _narrow(values, path)


def read_foreground(path: Path) -> Ids:
    """The object of a saliency mask, id 1 where a grey is 128 or more; masks that hold ids are read as `read_ids` does.

    Raises UnreadableError naming the file; MaskError as `read_ids`.
    """
    try:
        with Image.open(path) as image:
            indexed, grey = image.mode in ("1", "P") or image.mode.startswith("I"), np.array(image.convert("L"))
    except UNREADABLE as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    return read_ids(path, white=True) if indexed or grey.max() <= UNSEEN else (grey >= 128).astype(np.uint8)


def _stored(path: Path) -> tuple[np.ndarray, Literal["ids", "greys", "colours"]]:
    """What a mask file holds: ids for certain, greys that may be soft edges, or something to be read by its colours."""
    try:
        with Image.open(path) as image:
            mode, lossy, clear = image.mode, image.format == "JPEG", "transparency" in image.info
            palette = np.array(image.getpalette() if mode == "P" else [0, 0, 0]).reshape(-1, 3)
            stretch = next((STRETCHED.get(str(tile[3]), 1) for tile in image.tile), 1)
            values = np.array(image)
    except UNREADABLE as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    if mode == "1":
        return values.astype(np.uint8), "ids"
    if mode.startswith("I"):
        return values, "ids"
    if mode not in ("L", "P") or lossy or clear or palette[0].any():
        return values, "colours"
    return values // stretch, "greys" if (palette == palette[:, :1]).all() else "ids"


def _are_ids(greys: Ids) -> bool:
    """Whether greys are too dark for anyone to paint, or are counted from 1; soft edges go on up to white."""
    names = ids_in(greys)
    return names[-1] <= UNSEEN or (names[-1] < 128 and names == list(range(1, len(names) + 1)))


def _narrow(labels: np.ndarray, path: Path) -> Ids:
    """Raises MaskError where 8 bits do not hold the ids; where there are 16, 255 is one of them, and not void."""
    least, largest = int(labels.min()), int(labels.max())
    if least < 0 or largest > 255 or (labels.dtype != np.uint8 and largest == VOID):
        raise MaskError(f"{path}: id {least if least < 0 else largest}; training takes ids up to 254, and 255 as void")
    return labels.astype(np.uint8, copy=False)


class Store:
    """Arrays that were read lately, up to `limit` bytes of them: those that were not asked for longest go first.

    What it returns cannot be written to. Every process has its own.
    """

    def __init__(self, limit: int) -> None:
        """limit: 0 keeps nothing."""
        self.limit, self.size, self.hits, self.misses = limit, 0, 0, 0
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()

    def rgb(self, path: Path, reduce: int = 1) -> Rgb:
        """As `read_rgb`."""
        return self.get(("rgb", path, reduce), lambda: read_rgb(path, reduce))

    def rgba(self, path: Path) -> Rgba:
        """As `read_rgba`."""
        return self.get(("rgba", path), lambda: read_rgba(path))

    def ids(self, path: Path, white: bool | None = None) -> Ids:
        """As `read_ids`."""
        return self.get(("ids", path, white), lambda: read_ids(path, white))

    def get(self, key: Hashable, read: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a key, read where it is not kept."""
        if key in self._kept:
            self.hits += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        self.misses += 1
        array = read()
        array.setflags(write=False)
        if array.nbytes <= self.limit:
            self._kept[key] = array
            self.size += array.nbytes
            while self.size > self.limit:
                self.size -= self._kept.popitem(last=False)[1].nbytes
        return array
