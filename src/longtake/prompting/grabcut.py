"""Masks by GrabCut (Rother et al., SIGGRAPH 2004): colours inside against colours outside, no weights at all.

A box or a stroke says too little for one start, so several are tried at a small size, and judged: those of a box by
how well they fill it, those of strokes by how sharp their edge is. The result is refined at the frame's own size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from longtake.errors import MaskError
from longtake.prompting.geodesic import geodesic
from longtake.prompting.rough import Box, Line, Mask, Rough

COARSE, FINE = 160, 400
"""Long side of a window when starts are tried, and when the result is refined."""

RADII = (0.05, 0.08, 0.12, 0.18, 0.26, 0.36)
"""How far an object may reach from strokes, in short sides of the frame."""

SPREAD = 0.5
"""How far it reaches from several strokes as a rule, in diagonals of the box around them."""

CORE = 0.2
"""The share of what may be the object that is taken for certain: what is nearest in colour and place."""


SLIGHT = 0.05
"""Shares so near to none or all are taken for certain."""


SPECK = 0.01
"""Parts of a smaller share of what is found in a box are none of the object."""


@dataclass(frozen=True)
class Window:
    """A part of a frame, reduced in size: its edges in the frame, its image in CIELAB, and pixels per frame pixel."""

    left: int
    top: int
    right: int
    bottom: int
    image: UInt8[np.ndarray, "h2 w2 3"]
    scale: float

    def draw(self, lines: tuple[Line, ...], radius: float) -> Bool[np.ndarray, "h2 w2"]:
        """The pixels within a radius (in the frame's pixels) of strokes."""
        drawn = np.zeros(self.image.shape[:2], np.uint8)
        width = max(1, round(radius * self.scale))
        for line in lines:
            points = [(int((x - self.left) * self.scale), int((y - self.top) * self.scale)) for x, y in line]
            for start, end in zip(points, points[1:] or points, strict=False):
                cv2.line(drawn, start, end, 1, 2 * width - 1)
            cv2.circle(drawn, points[0], width - 1, 1, -1)
        return drawn.astype(bool)

    def reduced(self, plane: np.ndarray) -> Float32[np.ndarray, "h2 w2"]:
        """The window's part of a plane of the frame's size, as shares."""
        part = plane[self.top : self.bottom, self.left : self.right].astype(np.float32)
        return cv2.resize(part, self.image.shape[1::-1], interpolation=cv2.INTER_AREA).astype(np.float32)

    def restored(self, plane: np.ndarray, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
        """A plane of the window in the frame, zero elsewhere."""
        whole = np.zeros(size, np.float32)
        part = (self.right - self.left, self.bottom - self.top)
        whole[self.top : self.bottom, self.left : self.right] = cv2.resize(plane.astype(np.float32), part)
        return whole


def grabcut(image: UInt8[np.ndarray, "h w 3"], rough: Rough, mask: Mask | None = None) -> Mask:
    """The mask of the object that is roughly told of in an RGB frame.

    mask: what is there already; without a box, only its parts that strokes point to are changed. The same is given for
    the same. Raises MaskError where something lies outside the frame, nothing says where the object is, or nothing of
    it is found.
    """
    rough.check((image.shape[0], image.shape[1]))
    if rough.box is None and not (rough.inside or rough.outside):
        raise MaskError("nothing is given; add a box, a point or a scribble of the object")
    if mask is not None and mask.any() and rough.corrects:
        found = _corrected(image, rough, mask)
    elif rough.box is not None:
        found = _in_box(image, rough, rough.box)
    elif rough.inside:
        found = _around(image, rough)
    else:
        raise MaskError("only background is given; add a box, a point or a scribble of the object")
    if not found.any():
        raise MaskError("nothing that differs from what is around it; give more points, or a mask")
    return found


def _window(image: np.ndarray, edges: Box, most: int) -> Window:
    """The part of a frame between edges, its long side reduced to at most so many pixels."""
    left, top = (max(0, int(edge)) for edge in edges[:2])
    right, bottom = min(image.shape[1], int(np.ceil(edges[2]))), min(image.shape[0], int(np.ceil(edges[3])))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    scale = min(1.0, most / max(part.shape[:2]))
    if scale < 1:
        size = tuple(max(1, round(scale * side)) for side in part.shape[1::-1])
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return Window(left, top, right, bottom, cv2.cvtColor(part, cv2.COLOR_RGB2LAB), scale)


def _wider(edges: Box, margin: float) -> Box:
    return edges[0] - margin, edges[1] - margin, edges[2] + margin, edges[3] + margin


def _around_points(lines: tuple[Line, ...]) -> Box:
    columns, rows = zip(*(point for line in lines for point in line), strict=True)
    return min(columns), min(rows), max(columns), max(rows)


def _around_pixels(mask: Mask) -> Box:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height


def _stroke(image: np.ndarray) -> float:
    """Half the width of a stroke in pixels."""
    return max(1.0, float(min(image.shape[:2])) / 160)


def _cut(image: UInt8[np.ndarray, "h w 3"], start: UInt8[np.ndarray, "h w"], rounds: int) -> Mask:
    """GrabCut from a start of its four kinds of pixels, which need not hold both sides."""
    start = start.copy()
    if not np.isin(start, (cv2.GC_BGD, cv2.GC_PR_BGD)).any() or not np.isin(start, (cv2.GC_FGD, cv2.GC_PR_FGD)).any():
        return (start & 1).astype(bool)
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, start, (0, 0, 0, 0), background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    return (start & 1).astype(bool)


def _in_box(image: np.ndarray, rough: Rough, box: Box) -> Mask:
    """The mean of two starts, weighed by how nearly they reach all sides of the box."""
    margin = max(2.0, 0.1 * max(box[2] - box[0], box[3] - box[1]))
    window, size = _window(image, _wider(box, margin), COARSE), (image.shape[0], image.shape[1])
    inside, outside = (window.draw(lines, _stroke(image)) for lines in (rough.inside, rough.outside))
    left, top, right, bottom = (round(window.scale * edge) for edge in _within(box, window))
    area = np.s_[top : max(bottom, top + 1), left : max(right, left + 1)]
    around = np.ones(window.image.shape[:2], bool)
    around[area] = False
    if not around.any():
        around[[0, -1]] = around[:, [0, -1]] = True
    if around.all():  # a few pixels, of which nothing can be told
        return _boxed(np.ones(image.shape[:2], bool), box)
    novel = np.where(around, np.float32(0), geodesic(_smooth(window.image), around))
    total, weights = np.zeros(around.shape), 1e-9
    for core in (False, True):
        start = np.where(around, cv2.GC_BGD, cv2.GC_PR_FGD).astype(np.uint8)
        if core:
            start[~around & (novel < np.quantile(novel[~around], 0.4))] = cv2.GC_PR_BGD
            start[~around & (novel > np.quantile(novel[~around], 0.95))] = cv2.GC_FGD
        start[outside], start[inside] = cv2.GC_BGD, cv2.GC_FGD
        found = _cut(window.image, start, 4)
        weight = _tightness(found[area]) ** 2
        total, weights = total + weight * found, weights + weight
    return _refined(image, rough, window.restored(total / weights, size), box)


def _within(box: Box, window: Window) -> Box:
    return box[0] - window.left, box[1] - window.top, box[2] - window.left, box[3] - window.top


def _tightness(found: np.ndarray) -> float:
    """The share of the box that the box of what was found covers."""
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    if not len(rows):
        return 0.0
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / found.size)


def _smooth(image: np.ndarray) -> np.ndarray:
    return cv2.bilateralFilter(image, 7, 30, 5)


def _around(image: np.ndarray, rough: Rough) -> Mask:
    """The mean of what is found at several sizes that the object may have; those of sharp outlines count most."""
    edges = _around_points(rough.inside)
    short = min(image.shape[:2])
    spread = float(np.hypot(edges[2] - edges[0], edges[3] - edges[1]))
    usual = SPREAD * spread if spread > short / 4 else short
    total, weights = np.zeros(image.shape[:2], np.float32), 1e-9
    for radius in (share * short for share in RADII):
        window = _window(image, _wider(edges, 1.8 * radius), COARSE)
        found, score = _of_size(window, rough, radius, _stroke(image))
        weight = (max(score, 0.0) * min(1.0, usual / radius) ** 0.5) ** 6
        total += weight * window.restored(found, (image.shape[0], image.shape[1]))
        weights += weight
    return _refined(image, rough, total / np.float32(weights), None)


def _of_size(window: Window, rough: Rough, radius: float, stroke: float) -> tuple[Mask, float]:
    """An object that reaches so far from its strokes, and how much it looks like one."""
    inside, outside = (window.draw(lines, stroke) for lines in (rough.inside, rough.outside))
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5) / window.scale
    smooth = _smooth(window.image)
    distance, near = geodesic(smooth, inside), away < radius
    if outside.any():
        near &= distance < geodesic(smooth, outside)
    near |= inside
    start = np.where(near, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[away > 1.6 * radius] = cv2.GC_BGD
    if not (start == cv2.GC_BGD).any():
        start[[0, -1]] = start[:, [0, -1]] = cv2.GC_BGD
    start[near & (distance <= np.quantile(distance[near], CORE))] = cv2.GC_FGD
    start[outside], start[inside] = cv2.GC_BGD, cv2.GC_FGD
    found = _touching(_cut(window.image, start, 3), inside)
    rim = (away > 1.5 * radius) & (away <= 1.6 * radius)
    cut_off = (found & rim).sum() / max(1, rim.sum())
    enough = found.sum() > 0.15 * (away < radius).sum()
    return found, float(enough) * _sharpness(window.image, found) - 10 * float(cut_off)


def _touching(found: Mask, seeds: Mask) -> Mask:
    """The connected parts that hold a seed."""
    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    return found & np.isin(parts, np.unique(parts[seeds & found]))


def _without_specks(found: Mask) -> Mask:
    """The connected parts that are no tiny share of the whole."""
    _, parts, figures, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    large: np.ndarray = figures[:, cv2.CC_STAT_AREA] >= SPECK * found.sum()
    kept: Mask = found & large[parts]
    return kept


def _sharpness(image: np.ndarray, found: Mask) -> float:
    """The mean change of colour along the outline, against that of the whole window."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1).astype(np.float32)
    slopes = [cv2.Sobel(smooth, cv2.CV_32F, *way) for way in ((1, 0), (0, 1))]
    change = np.hypot(*slopes).max(axis=2)
    outline = found & ~cv2.erode(found.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return float(change[outline].mean() / max(change.mean(), 1e-6)) if outline.any() else 0.0


def _refined(image: np.ndarray, rough: Rough, soft: Float32[np.ndarray, "h w"], box: Box | None) -> Mask:
    """What was found at a small size, its edge found again at a larger one."""
    if not (soft > SLIGHT).any():
        return np.zeros(soft.shape, bool)
    edges = _around_pixels(soft > SLIGHT)
    window = _window(image, _wider(edges, 0.1 * max(edges[2] - edges[0], edges[3] - edges[1]) + 4), FINE)
    share = window.reduced(soft)
    start = np.where(share > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[share > 1 - SLIGHT], start[share < SLIGHT] = cv2.GC_FGD, cv2.GC_BGD
    inside, outside = (window.draw(lines, _stroke(image)) for lines in (rough.inside, rough.outside))
    start[outside], start[inside] = cv2.GC_BGD, cv2.GC_FGD
    found = _cut(window.image, start, 1)
    found = _touching(found, inside) if box is None else _without_specks(found)
    found = window.restored(found, (soft.shape[0], soft.shape[1])) > 0.5
    return found if box is None else _boxed(found, box)


def _boxed(found: Mask, box: Box) -> Mask:
    """The part in a box."""
    left, top, right, bottom = (round(edge) for edge in box)
    kept = np.zeros_like(found)
    kept[top:bottom, left:right] = found[top:bottom, left:right]
    return kept


def _corrected(image: np.ndarray, rough: Rough, mask: Mask) -> Mask:
    """The mask with what strokes outside it point to, and without what background strokes within it do."""
    ours, theirs = _around_pixels(mask), _around_points((*rough.inside, *rough.outside))
    edges = min(ours[0], theirs[0]), min(ours[1], theirs[1]), max(ours[2], theirs[2]), max(ours[3], theirs[3])
    window = _window(image, _wider(edges, 0.2 * max(edges[2] - edges[0], edges[3] - edges[1]) + 4), FINE)
    before = window.reduced(mask) > 0.5
    inside, outside = (window.draw(lines, _stroke(image)) for lines in (rough.inside, rough.outside))
    start = np.where(before, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[outside], start[inside] = cv2.GC_BGD, cv2.GC_FGD
    found, size = _cut(window.image, start, 3), (mask.shape[0], mask.shape[1])
    added, removed = _touching(found & ~before, inside), _touching(~found & before, outside)
    return (mask | (window.restored(added, size) > 0.5)) & ~(window.restored(removed, size) > 0.5)
