"""How good masks made of boxes, points and scribbles are: overlap with the true masks of first frames.

    python benchmarks/prompts.py DAVIS [--splits train select] [--pictures FOLDER] [--sam ENCODER.onnx,DECODER.onnx]

DAVIS 2016 layout. What a person would give is taken from the true mask: the box around it, the point farthest from its
outline, three such points and three just outside, a line through it. Clicks: starting from the single point, each
further one at the middle of the largest mistake. Damaged: a quarter of the true mask cut off and a disc added, which
clicks are to mend. Printed is the mean overlap (intersection over union) of each, and seconds per mask.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from longtake.cli.rough import mask_maker
from longtake.data.labels import read_labels
from longtake.data.layouts import open_dataset
from longtake.errors import MaskError
from longtake.prompting.rough import Maker, Mask, Point, Rough
from longtake.video.images import read_image

FEWEST = 50
"""Pixels of a mask that is worth asking for."""

CLICKS = 4


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def depth(mask: Mask) -> np.ndarray:
    """Each pixel's distance from the outline, the frame's edge included."""
    return np.asarray(cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1])


def pole(mask: Mask) -> Point:
    """The pixel that is farthest from the outline."""
    row, column = np.unravel_index(depth(mask).argmax(), mask.shape)
    return float(column), float(row)


def three(mask: Mask, apart: float) -> tuple[Point, ...]:
    """Up to three such pixels, apart from each other."""
    found, left = list[Point](), mask.copy()
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    while left.any() and len(found) < 3:
        found.append(pole(left))
        left &= np.hypot(columns - found[-1][0], rows - found[-1][1]) > apart
    return tuple(found)


def line(mask: Mask) -> tuple[Point, ...]:
    """A stroke along the mask's longer axis, through the middle of five places."""
    points = np.argwhere(mask)[:, ::-1].astype(float)
    axis = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    along, deep = points @ axis, depth(mask)[mask]
    width = 0.05 * np.ptp(along)
    places = [np.flatnonzero(np.abs(along - at) <= width) for at in np.quantile(along, (0.1, 0.3, 0.5, 0.7, 0.9))]
    return tuple((float(x), float(y)) for x, y in (points[near[deep[near].argmax()]] for near in places))


def prompts(mask: Mask) -> dict[str, Rough]:
    """What a person might give of a mask, by name."""
    left, top, width, height = map(float, cv2.boundingRect(mask.astype(np.uint8)))
    reach = int(0.15 * max(width, height)) + 5
    around = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool) & ~mask
    apart = 0.25 * float(np.sqrt(mask.sum()))
    return {
        "box": Rough(box=(left, top, left + width, top + height)),
        "point": Rough(points=(pole(mask),)),
        "3 + 3 points": Rough(points=three(mask, apart), background_points=three(around, apart)),
        "scribble": Rough(scribbles=(line(mask),)),
    }


def damaged(mask: Mask, seed: int) -> Mask:
    """The mask without a quarter, and with a disc too much."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    angle = draw.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    border = np.argwhere(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~mask)
    row, column = border[draw.integers(len(border))]
    disc = np.hypot(rows - row, columns - column) < 0.25 * np.sqrt(mask.sum())
    return (mask & (along < np.quantile(along[mask], 0.75))) | disc


def mended(make: Maker, image: np.ndarray, truth: Mask, mask: Mask) -> list[float]:
    """Overlaps before and after each click."""
    found, rough = [overlap(mask, truth)], Rough()
    for _ in range(CLICKS):
        lacking, much = truth & ~mask, mask & ~truth
        more = depth(lacking).max() >= depth(much).max()
        points, background = rough.points, rough.background_points
        rough = (
            Rough(points=(*points, pole(lacking)), background_points=background)
            if more
            else Rough(points=points, background_points=(*background, pole(much)))
        )
        mask = made(make, image, rough, mask)
        found.append(overlap(mask, truth))
    return found


def made(make: Maker, image: np.ndarray, rough: Rough, mask: Mask | None = None) -> Mask:
    """A mask, empty where nothing could be made."""
    try:
        return make(image, rough, mask)
    except MaskError:
        return np.zeros(image.shape[:2], bool)


def first_frames(root: Path, splits: list[str]) -> Iterator[tuple[str, np.ndarray, Mask]]:
    """Name, image and true mask of each video's first frame that holds something."""
    for split in splits:
        for video in open_dataset(root, split, "2016").videos:
            for frame, mask in video.pairs:
                truth = read_labels(mask) > 0
                if truth.sum() >= FEWEST:
                    yield video.name, read_image(frame), truth
                    break


def picture(image: np.ndarray, rough: Rough, mask: Mask) -> np.ndarray:
    """The mask in red over the image, the prompt in green, what is background in blue."""
    shown = np.where(mask[..., None], image // 2 + np.array((127, 0, 0), np.uint8), image).astype(np.uint8)
    if rough.box is not None:
        corners = [int(edge) for edge in rough.box]
        cv2.rectangle(shown, corners[:2], corners[2:], (0, 255, 0), 2)
    for lines, colour in ((rough.inside, (0, 255, 0)), (rough.outside, (0, 0, 255))):
        for each in lines:
            cv2.polylines(shown, [np.array(each, np.int32)], False, colour, 4)
            for x, y in each:
                cv2.circle(shown, (int(x), int(y)), 6, colour, -1)
    return shown


def main() -> None:
    """Print a line for each video, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--splits", nargs="+", default=["train", "select"])
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--sam")
    given = parser.parse_args()
    make, seconds = mask_maker(given.sam), list[float]()
    scores, clicks, mends = dict[str, list[float]](), list[list[float]](), list[list[float]]()
    for number, (name, image, truth) in enumerate(first_frames(given.root, given.splits)):
        shown = list[np.ndarray]()
        for kind, rough in prompts(truth).items():
            began = time.perf_counter()
            mask = made(make, image, rough)
            seconds.append(time.perf_counter() - began)
            scores.setdefault(kind, []).append(overlap(mask, truth))
            shown.append(picture(image, rough, mask))
            if kind == "point":
                clicks.append(mended(make, image, truth, mask))
        mends.append(mended(make, image, truth, damaged(truth, number)))
        print(f"{name:20}", "  ".join(f"{kind} {each[-1]:.2f}" for kind, each in scores.items()), flush=True)
        if given.pictures:
            given.pictures.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.hstack(shown)).save(given.pictures / f"{name}.jpg", quality=85)
    print(f"mean of {len(mends)}:", ", ".join(f"{kind} {np.mean(each):.3f}" for kind, each in scores.items()))
    _tell("point and clicks", clicks)
    _tell("damaged and clicks", mends)
    print(f"{np.mean(seconds):.2f} s per mask, at most {max(seconds):.2f}")


def _tell(what: str, rows: list[list[float]]) -> None:
    print(f"{what}:", ", ".join(f"{mean:.3f}" for mean in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
