"""Masks as bits, 64 pixels to a word, cut to the object: measures work on few words, and none of the empty frame.

Shapes: h rows and w words of a cut; H, W pixels of the frame.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt64

WORD = 64
ONE = np.uint64(1)


@dataclass(frozen=True)
class Bits:
    """The part of a binary frame that holds all its set pixels.

    words[y, x] has the columns from 64 * (left + x) on, of row top + y, the first of them in its lowest bit. The
    columns of all cuts begin at multiples of 64, so that cuts of a frame can be compared word by word. Columns of words
    lie together in memory, since neighbours to the left and right are what is combined most.
    """

    words: UInt64[np.ndarray, "h w"]
    top: int
    left: int

    @staticmethod
    def of(image: Bool[np.ndarray, "H W"], top: int = 0, left: int = 0, margin: int = 1) -> "Bits":
        """The set pixels of an image, with `margin` empty rows and columns around where the image has them.

        top, left: where the image stands in its frame, in rows and words.
        """
        x, y, width, height = cv2.boundingRect(image.view(np.uint8))
        if not width:
            return NOTHING
        first, last = max(0, x - margin) // WORD, -(-(x + width + margin) // WORD)
        y, bottom = max(0, y - margin), y + height + margin
        pixels = image[y:bottom, first * WORD : last * WORD]
        packed = np.zeros((pixels.shape[0], (last - first) * WORD // 8), np.uint8)
        bytes_ = np.packbits(pixels, axis=1, bitorder="little")
        packed[:, : bytes_.shape[1]] = bytes_
        return Bits(np.asfortranarray(packed.view("<u8")), top + y, left + first)

    @cached_property
    def area(self) -> int:
        """The number of set pixels."""
        return int(np.bitwise_count(self.words).sum())

    def common(self, other: "Bits") -> int:
        """The number of pixels that both have set."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom = min(self.top + self.words.shape[0], other.top + other.words.shape[0])
        right = min(self.left + self.words.shape[1], other.left + other.words.shape[1])
        if top >= bottom or left >= right:
            return 0
        own, their = (
            part.words[top - part.top : bottom - part.top, left - part.left : right - part.left]
            for part in (self, other)
        )
        return int(np.bitwise_count(own & their).sum())

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The pixels of a frame of this size; what the cut has beyond it is left out."""
        words = np.ascontiguousarray(self.words)
        rows = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").view(np.bool_)
        left, image = self.left * WORD, np.zeros((height, width), bool)
        part = image[max(0, self.top) : self.top + rows.shape[0], max(0, left) : left + rows.shape[1]]
        y, x = max(0, -self.top), max(0, -left)
        part[...] = rows[y : y + part.shape[0], x : x + part.shape[1]]
        return image


NOTHING = Bits(np.zeros((0, 0), "<u8"), 0, 0)


def east(words: UInt64[np.ndarray, "h w"]) -> UInt64[np.ndarray, "h w"]:
    """Of each pixel its neighbour to the right; empty beyond the last word."""
    found = words >> ONE
    found[:, :-1] |= words[:, 1:] << np.uint64(WORD - 1)
    return found


def widened(words: UInt64[np.ndarray, "h w"], by: int) -> UInt64[np.ndarray, "h w"]:
    """The set pixels, and those `by` columns to their left and right; by is less than a word."""
    near, far = np.uint64(by), np.uint64(WORD - by)
    out = words << near
    out |= words
    out |= words >> near
    out[:, 1:] |= words[:, :-1] >> far
    out[:, :-1] |= words[:, 1:] << far
    return out


def dilate(line: Bits, radius: int) -> Bits:
    """All pixels within `radius` (Euclidean) of a set one, on a cut that is larger by as much.

    A disk is a row of some width for each distance from its centre's row; the rows widen towards the centre. A row
    that reaches w pixels to each side can be widened by up to 2 w + 1 at once without a hole.
    """
    words = -(-radius // WORD)
    height, columns = line.words.shape
    wide = np.zeros((height, columns + 2 * words), "<u8", order="F")
    wide[:, words : words + columns] = line.words
    out = np.zeros((height + 2 * radius, wide.shape[1]), "<u8", order="F")
    reach = 0
    for distance in range(radius, -1, -1):
        while (missing := math.isqrt(radius**2 - distance**2) - reach) > 0:
            by = min(missing, 2 * reach + 1, WORD - 1)
            wide, reach = widened(wide, by), reach + by
        for top in {radius - distance, radius + distance}:
            out[top : top + height] |= wide
    return Bits(out, line.top - radius, line.left - words)


class Objects:
    """The objects of an id image, each cut out on its own; all lie within the box of what is no background."""

    def __init__(self, labels: Shaped[np.ndarray, "H W"]) -> None:
        left, top, width, height = cv2.boundingRect((labels != 0).view(np.uint8))
        self._top, self._left = max(0, top - 1), max(0, left - 1) // WORD
        self._labels = labels[self._top : top + height + 1, self._left * WORD : left + width + 1]

    def cut(self, name: int) -> Bits:
        """The mask of one object."""
        return Bits.of(self._labels == name, self._top, self._left)
