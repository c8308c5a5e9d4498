"""Proposals: masks of whatever may be an object in a frame, found beforehand and kept in a file per frame.

FRAME.json holds {"size": [h, w], "proposals": [{"mask": RLE, "score": s, "box": [x0, y0, x1, y1]}, ...]}, RLE as COCO
has it: {"size": [h, w], "counts": text or numbers}. Boxes are for other readers: here they follow from the masks.
Frames are upright; "orientation" is what EXIF says of an image's stored pixels, 1 where it says nothing.
Shapes: p proposals, h, w the frame's size.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torchvision.ops import nms

from longtake.errors import InputError
from longtake.types import Frame, Proposals
from longtake.video.rle import inside, run_lengths, tools
from longtake.video.whole import whole

OVERLAP = 0.4
"""Of two boxes whose intersection is more than this share of their union, the one of the lower score is left out."""

MOST = 30
"""How many are kept (DMN-AOA, section 3.1)."""

UPRIGHT = 1

DAMAGED = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What reading a damaged file raises."""


def boxes_of(proposals: Proposals) -> Float32[np.ndarray, "p 4"]:
    """The smallest boxes about the masks: x0, y0, x1, y1, edges of pixels; zeros about an empty one."""
    boxes = np.zeros((len(proposals.masks), 4), np.float32)
    for box, mask in zip(boxes, proposals.masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def best(proposals: Proposals, overlap: float = OVERLAP, most: int = MOST) -> Proposals:
    """The proposals of the highest scores that overlap little, in the order of their scores; none that is empty."""
    boxes = boxes_of(proposals)
    there = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & np.isfinite(proposals.scores))
    kept = nms(torch.from_numpy(boxes[there]), torch.from_numpy(proposals.scores[there]), overlap)
    chosen = there[kept[:most].numpy()]
    return Proposals(proposals.masks[chosen], proposals.scores[chosen])


def write_proposals(path: Path, proposals: Proposals, orientation: int = UPRIGHT) -> None:
    """Write a frame's file, whole or not at all. orientation: of the image's file. Raises MissingExtraError."""
    boxes = boxes_of(proposals).tolist()
    entries = [
        {"mask": run_lengths(mask), "score": round(float(score), 6), "box": box}
        for mask, score, box in zip(proposals.masks, proposals.scores, boxes, strict=True)
    ]
    with whole(path) as partial:
        held = {"size": list(proposals.masks.shape[1:]), "orientation": orientation, "proposals": entries}
        partial.write_text(json.dumps(held))


def read_proposals(path: Path, *, as_stored: bool = False) -> Proposals:
    """A frame's proposals, as they are in its file. as_stored: for an image whose orientation is to be ignored.

    Raises InputError naming the file where it is missing or damaged; MissingExtraError.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        size = (int(held["size"][0]), int(held["size"][1]))
        if min(size) < 1:
            raise ValueError(f"a frame of {list(size)}")
        masks = [_mask(entry["mask"], size) for entry in held["proposals"]]
        scores = [float(entry["score"]) for entry in held["proposals"]]
        turned = int(held.get("orientation", UPRIGHT)) != UPRIGHT
    except FileNotFoundError as error:
        told = "no such file; every frame needs one, with an empty list where nothing was found"
        raise InputError(f"{path}: {told}") from error
    except DAMAGED as error:
        raise InputError(f"{path}: not readable as proposals ({type(error).__name__}: {error})") from error
    if turned and as_stored:
        raise InputError(f"{path}: its image is stored turned (EXIF), but training takes pixels as stored; turn it")
    return Proposals(np.array(masks, bool).reshape(-1, *size), np.array(scores, np.float32))


def _mask(lengths: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    if [int(side) for side in lengths["size"]] != list(size):
        raise ValueError(f"a mask of {lengths['size']} in a frame of {list(size)}")
    counts = lengths["counts"]
    if isinstance(counts, str):
        return inside({"size": list(size), "counts": counts.encode("ascii")})
    if min(counts, default=0) < 0 or sum(counts) != size[0] * size[1]:
        raise ValueError(f"run lengths of {sum(counts)} pixels in a frame of {list(size)}")
    return inside(tools().frPyObjects({"size": list(size), "counts": counts}, *size))


class FolderOfProposals:
    """Proposals of a video's frames from a folder of their files; frames are named as in `longtake.types.Frame`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, frame: Frame) -> Proposals:
        """The best ones of a frame. Raises InputError where its file is missing or damaged."""
        return best(read_proposals(self.folder / f"{frame.name}.json"))
