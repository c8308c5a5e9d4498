"""Figures are painted: a texture for each material, parts darker towards their edges, light from one side.

Shapes: h height, w width.
"""

import cv2
import numpy as np

from longtake.data.procedural.figures import Figure, Part
from longtake.data.procedural.outlines import Outline
from longtake.data.procedural.sprites import Layer, Piece, Sprite, lay
from longtake.data.procedural.textures import Colours, Picture, blurred, near_colours, shaded, texture

SMALL = 24
"""Pixels that a sprite's canvas has at least."""

Corner = tuple[int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the canvas; right and bottom are outside."""


def paint(rng: np.random.Generator, figure: Figure, side: int, colours: Colours) -> Sprite:
    """The figure on a canvas of `side` pixels (at least 24), each material in shades of one of the colours."""
    side = max(side, SMALL)
    roundness = float(rng.choice([0.0, 0.25, 0.5]))
    boxes = [_box(part.outline, side) for part in figure.parts]
    materials = _draw_materials(rng, figure, side, colours, boxes)
    pieces = [
        _paint_part(part, box, side, *materials[part.material], roundness)
        for part, box in zip(figure.parts, boxes, strict=True)
    ]
    return Sprite(side, tuple(_merged(pieces, side)))


def _draw_materials(
    rng: np.random.Generator, figure: Figure, side: int, colours: Colours, boxes: list[Box]
) -> dict[int, tuple[Picture, Corner]]:
    """For each material a lit texture over the box of all parts that are made of it, and that box's corner."""
    materials = {}
    slope = rng.normal((0.0, -0.3), 0.3) / side
    for material in sorted({part.material for part in figure.parts}):
        own = [box for part, box in zip(figure.parts, boxes, strict=True) if part.material == material]
        left, top = min(box[0] for box in own), min(box[1] for box in own)
        right, bottom = max(box[2] for box in own), max(box[3] for box in own)
        scale = side * (0.03, 0.06, 0.12, 0.25)[rng.integers(4)]
        picture = texture(rng, bottom - top, right - left, _shades(rng, colours), scale)
        across = np.arange(left - side / 2, right - side / 2, dtype=np.float32) * np.float32(slope[0])
        down = np.arange(top - side / 2, bottom - side / 2, dtype=np.float32) * np.float32(slope[1])
        materials[material] = shaded(picture, down[:, None] + (across + np.float32(1))), (left, top)
    return materials


def _shades(rng: np.random.Generator, colours: Colours) -> Colours:
    """A colour near one of the given, shades of it, and seldom a second colour."""
    base = near_colours(rng, colours, 1, 4)
    shades = near_colours(rng, base, int(rng.integers(1, 4)), rng.choice([4.0, 9.0, 16.0]))
    if rng.random() < 0.2:
        return np.concatenate([base, shades, near_colours(rng, colours, 1, 6)])
    return np.concatenate([base, shades])


def _box(outline: Outline, side: int) -> Box:
    x, y = outline.T
    left, right = _range(float(x.min()), float(x.max()), side)
    top, bottom = _range(float(y.min()), float(y.max()), side)
    return left, top, right, bottom


def _range(low: float, high: float, side: int) -> tuple[int, int]:
    first = min(max(int((low + 0.5) * side) - 2, 0), side - 4)
    return first, min(max(int((high + 0.5) * side) + 3, first + 4), side)


def _paint_part(part: Part, box: Box, side: int, material: Picture, at: Corner, roundness: float) -> Piece:
    """One part, cut out of its material."""
    left, top, right, bottom = box
    # fillPoly and warps put pixel centres at whole numbers, half a pixel off the outline's plane
    points = (part.outline + 0.5) * side - (left + 0.5, top + 0.5)
    alpha = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(alpha, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    colour = material[top - at[1] : bottom - at[1], left - at[0] : right - at[0]]
    weight: np.ndarray = alpha
    if roundness:
        soft = blurred(alpha, 0.12 * min(alpha.shape))
        light = cv2.addWeighted(soft, 128 * roundness / 230, soft, 0, 128 * (1 - roundness))
        weight = cv2.multiply(alpha, light, scale=1 / 128)
    colour = cv2.multiply(colour, cv2.merge([weight] * 3), scale=1 / 255)
    # light may brighten, but never above what alpha allows
    return Piece(cv2.merge([cv2.min(colour, cv2.merge([alpha] * 3)), alpha]), (left, top), part)


def _merged(pieces: list[Piece], side: int) -> list[Piece]:
    """Neighbours that never swing become one piece; the numbers of parents stay as they are."""
    if any(piece.part.swing or piece.part.parent is not None for piece in pieces):
        return pieces
    canvas: Layer = np.zeros((side, side, 4), np.uint8)
    for piece in pieces:
        lay(canvas, piece.layer, np.array([[1.0, 0, piece.corner[0]], [0, 1.0, piece.corner[1]]]))
    return [Piece(canvas, (0, 0), pieces[0].part)]
