"""Contact sheets: pictures with captions in a grid under a title, and what is drawn over them, for people to look at.

Shapes: h height, w width of a picture of the video; h2, w2 of its small copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8
from PIL import Image, ImageDraw, ImageFont

from longtake.export.overlay import edges

SIDE = 320
"""The longer side of a small copy."""

COLUMNS, GAP, LINE = 4, 12, 22
CAPTION = 240
"""Room for a caption, however narrow the picture."""

PAPER, INK = (24, 24, 27), (228, 228, 231)
RED = (255, 0, 0)


@dataclass(frozen=True)
class Tile:
    """A picture and the line below it."""

    picture: UInt8[np.ndarray, "h2 w2 3"]
    caption: str


def small(values: Shaped[np.ndarray, "h w *c"]) -> Shaped[np.ndarray, "h2 w2 *c"]:
    """A copy whose longer side is SIDE."""
    height, width = values.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    copy: np.ndarray = cv2.resize(values, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return copy


def marked(picture: UInt8[np.ndarray, "h2 w2 3"], area: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A small copy with an area of its original in red; nothing of the area is too small to be seen."""
    inside = small(area.astype(np.float32)) > 0
    out = picture.copy()
    out[inside] = (0.5 * picture[inside] + 0.5 * np.array(RED)).astype(np.uint8)
    out[edges(inside.astype(np.uint16))] = RED
    return out


def heated(picture: UInt8[np.ndarray, "h2 w2 3"], heat: Float32[np.ndarray, "h2 w2"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A small copy in grey with a heat map over it: 0 shows the picture, 1 the full colour.

    Colours go by the root of the heat, so that what is faint can be seen too.
    """
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32)
    level = np.sqrt(heat)
    colour = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    cover = 0.9 * np.minimum(1, 1.5 * level)[..., None]
    out: np.ndarray = ((1 - cover) * 0.7 * grey + cover * colour).astype(np.uint8)
    return out


def sheet(title: str, tiles: Sequence[Tile]) -> Image.Image:
    """The tiles, all of one size, row by row below the title."""
    height, width = tiles[0].picture.shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    room = max(width, CAPTION)
    down, across = height + LINE + GAP, room + GAP
    page = Image.new("RGB", (GAP + columns * across, GAP + LINE + GAP + rows * down), PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (GAP, GAP), title, 18, page.width - 2 * GAP)
    for i, tile in enumerate(tiles):
        left, top = GAP + i % columns * across, GAP + LINE + GAP + i // columns * down
        page.paste(Image.fromarray(tile.picture), (left, top))
        _write(draw, (left, top + height + 3), tile.caption, 15, room)
    return page


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, room: int) -> None:
    """A line of text; what there is no room for is left out of its middle."""
    font, kept = ImageFont.load_default(size), len(text)
    shown = text
    while font.getlength(shown) > room and kept > 2:
        kept -= 1
        shown = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    draw.text(place, shown, INK, font)
