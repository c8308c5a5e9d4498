"""Painted figures: posed for each frame, and laid into an image with exact anti-aliased alpha.

A layer is RGB times alpha, and alpha, so that it may be interpolated and blurred.
Shapes: h height, w width, s side of a sprite's canvas.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from longtake.data.augment import Matrix
from longtake.data.procedural.figures import Part

Layer = UInt8[np.ndarray, "_ _ 4"]
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Piece:
    """A painted part and the corner (x, y) of the canvas where it lies at rest."""

    layer: Layer
    corner: tuple[int, int]
    part: Part


@dataclass(frozen=True)
class Sprite:
    """A painted figure on a canvas of `side` pixels."""

    side: int
    pieces: tuple[Piece, ...]


def pose(sprite: Sprite, beat: float) -> Layer:
    """The canvas at a time; limbs swing once per unit of `beat`. Not to be written to."""
    if len(sprite.pieces) == 1 and not sprite.pieces[0].part.swing and sprite.pieces[0].corner == (0, 0):
        return sprite.pieces[0].layer
    canvas = np.zeros((sprite.side, sprite.side, 4), np.uint8)
    joints: list[Matrix] = []
    for piece in sprite.pieces:
        part = piece.part
        x, y = ((v + 0.5) * sprite.side for v in part.joint)
        joint = _turn(x, y, part.swing * math.sin(2 * math.pi * beat + part.phase))
        if part.parent is not None:
            joint = chain(joints[part.parent], joint)
        joints.append(joint)
        if part.swing or part.parent is not None:
            at = np.array([[1.0, 0, piece.corner[0]], [0, 1.0, piece.corner[1]]])
            lay(canvas, piece.layer, chain(joint, at))
        else:
            cover(_under(canvas, piece), piece.layer)
    return canvas


def _under(canvas: Layer, piece: Piece) -> Layer:
    """The part of a canvas where a piece lies at rest."""
    (x, y), (height, width) = piece.corner, piece.layer.shape[:2]
    return canvas[y : y + height, x : x + width]


def _turn(x: float, y: float, angle: float) -> Matrix:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])


def chain(second: Matrix, first: Matrix) -> Matrix:
    """The geometry that applies `first`, then `second` (augment.compose, faster for many small ones)."""
    both: np.ndarray = second[:, :2] @ first
    both[:, 2] += second[:, 2]
    return both


def lay(target: UInt8[np.ndarray, "h w c"], layer: Layer, matrix: Matrix) -> None:
    """Draw a layer over an image (c = 3) or over another layer (c = 4), in place."""
    if (found := _framed(layer.shape[1], layer.shape[0], matrix, (target.shape[0], target.shape[1]), 1)) is not None:
        window, moved, extent = found
        cover(target[window], cv2.warpAffine(layer, moved, extent))


def place(
    layer: Layer, matrix: Matrix, size: tuple[int, int], bend: Float32[np.ndarray, "s s 2"] | None = None, pad: int = 1
) -> tuple[Window, Layer] | None:
    """The layer through a matrix, cut to the window of an image of size (h, w) where it may lie; None if outside.

    bend: for each pixel of the layer's plane, the pixel of the layer that shows there.
    """
    x, y, width, height = _opaque(layer, 0 if bend is None else 0.13)
    found = _framed(width, height, chain(matrix, np.array([[1.0, 0, x], [0, 1.0, y]])), size, pad)
    if found is None:
        return None
    window, moved, extent = found
    part = np.s_[y : y + height, x : x + width]
    if bend is None:
        warped: np.ndarray = cv2.warpAffine(layer[part], moved, extent)
    else:
        source = cv2.warpAffine(bend[part], moved, extent, borderMode=cv2.BORDER_REPLICATE)
        warped = cv2.remap(layer, source, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return window, warped


def _framed(
    width: int, height: int, matrix: Matrix, size: tuple[int, int], pad: int
) -> tuple[Window, Matrix, tuple[int, int]] | None:
    """Where a box goes in an image of size (h, w): the window, the matrix into it, its extent (w, h); None if out."""
    (xx, xy, dx), (yx, yy, dy) = matrix.tolist()
    left, right = _reach(xx * width, xy * height, dx, pad, size[1])
    top, bottom = _reach(yx * width, yy * height, dy, pad, size[0])
    if right <= left or bottom <= top:
        return None
    moved = np.array([[xx, xy, dx - left], [yx, yy, dy - top]])
    return (slice(top, bottom), slice(left, right)), moved, (right - left, bottom - top)


def _opaque(layer: Layer, margin: float) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is not transparent, and a margin (share of the sides) about it."""
    height, width = layer.shape[:2]
    x, y, w, h = cv2.boundingRect(cv2.extractChannel(layer, 3))
    more = 1 + int(margin * max(height, width))
    left, top, right, bottom = max(x - more, 0), max(y - more, 0), min(x + w + more, width), min(y + h + more, height)
    return left, top, right - left, bottom - top


def _reach(first: float, second: float, shift: float, pad: int, most: int) -> tuple[int, int]:
    """From where to where a parallelogram goes along one axis, within 0..most."""
    low = shift + min(first, 0) + min(second, 0)
    high = shift + max(first, 0) + max(second, 0)
    return max(math.floor(low) - pad, 0), min(math.ceil(high) + pad, most)


def cover(target: UInt8[np.ndarray, "h w c"], layer: UInt8[np.ndarray, "h w 4"]) -> None:
    """Draw a layer over a window of the same size, in place."""
    channels = target.shape[2]
    # a slice of channels would be copied by OpenCV, slowly
    through = cv2.bitwise_not(cv2.extractChannel(layer, 3))
    rest = cv2.multiply(target, cv2.merge([through] * channels), scale=1 / 255)
    target[...] = cv2.add(rest, layer if channels == 4 else cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB))


def smear(layer: UInt8[np.ndarray, "h w c"], by: Float[np.ndarray, "2"]) -> UInt8[np.ndarray, "h w c"]:
    """Motion blur: the mean over up to eight places along `by` (x, y), near enough centred."""
    extent = (layer.shape[1], layer.shape[0])
    edge = cv2.BORDER_CONSTANT if layer.shape[2] == 4 else cv2.BORDER_REPLICATE
    stages = 1 + int(np.abs(by).max() > 3) + int(np.abs(by).max() > 6)
    for share in (1 / 2, -1 / 4, -1 / 8)[:stages]:
        ahead = np.array([[1, 0, share * by[0]], [0, 1, share * by[1]]])
        layer = cv2.addWeighted(layer, 0.5, cv2.warpAffine(layer, ahead, extent, borderMode=edge), 0.5, 0)
    return layer
