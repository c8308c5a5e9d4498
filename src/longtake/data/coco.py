"""Instances as COCO lists them: one large JSON of polygons and run lengths, held compactly, drawn when asked for.

Everything that grows with the number of instances lies in a few flat buffers, so that processes which read clips
share it. Shapes: h, w the size of a picture.
"""

import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from longtake.data.labels import VOID
from longtake.errors import InputError
from longtake.video import rle

POLYGONS, COUNTS, TEXT = b"PCT"
"""How a region is stored: polygons as float32, run lengths as uint32, or COCO's compressed text."""


@dataclass(frozen=True)
class Region:
    """An instance, or a crowd of them that nobody told apart."""

    crowd: bool
    kind: int
    content: memoryview

    def run_lengths(self, size: tuple[int, int]) -> dict[str, Any]:
        """The region in pycocotools' compressed form; size: height and width of the picture."""
        tools = rle.tools()
        if self.kind == TEXT:
            return {"size": list(size), "counts": bytes(self.content)}
        if self.kind == COUNTS:
            counts = np.frombuffer(self.content, np.uint32).tolist()
            lengths: dict[str, Any] = tools.frPyObjects({"size": list(size), "counts": counts}, *size)
            return lengths
        words = np.frombuffer(self.content, np.uint32)
        corners = words[1 + words[0] :].view(np.float32).astype(np.float64)
        # beyond the picture a corner changes nothing, but would cost memory
        corners = np.clip(np.nan_to_num(corners), -max(size), 2 * max(size))
        rings = np.split(corners, np.cumsum(words[1 : 1 + words[0]])[:-1])
        merged: dict[str, Any] = tools.merge(tools.frPyObjects([ring.tolist() for ring in rings], *size))
        return merged


@dataclass(frozen=True)
class Instances:
    """The pictures of a COCO file that have instances, and the regions of each."""

    names: list[str]
    """The file of each picture, relative to the folder of pictures."""
    sizes: Int64[np.ndarray, "pictures 2"]
    """Height and width."""
    starts: Int64[np.ndarray, "_"]
    """Where the regions of each picture start in `order`, and where those of the last one end."""
    order: Int64[np.ndarray, "_"]
    ends: Int64[np.ndarray, "regions"]
    heads: bytes
    """Kind and crowd of each region, two bytes each."""
    contents: bytes

    def regions(self, picture: int) -> list[Region]:
        """The regions of a picture by its number."""
        view, found = memoryview(self.contents), []
        for i in self.order[self.starts[picture] : self.starts[picture + 1]].tolist():
            start = int(self.ends[i - 1]) if i else 0
            found.append(Region(bool(self.heads[2 * i + 1]), self.heads[2 * i], view[start : int(self.ends[i])]))
        return found

    def ids(self, picture: int) -> UInt8[np.ndarray, "h w"]:
        """Ids 1, 2, ... from the largest instance to the smallest, smaller ones on top; 255 where a crowd is.

        Of more than 254 instances the largest count. Raises InputError where a region cannot be drawn.
        """
        tools, size = rle.tools(), (int(self.sizes[picture, 0]), int(self.sizes[picture, 1]))
        labels = np.zeros(size, np.uint8, order="F")  # as pycocotools draws
        try:
            drawn = [(region.crowd, region.run_lengths(size)) for region in self.regions(picture)]
            for crowd in (lengths for is_crowd, lengths in drawn if is_crowd):
                labels[rle.inside(crowd)] = VOID
            instances = [lengths for is_crowd, lengths in drawn if not is_crowd]
            instances.sort(key=lambda lengths: -int(tools.area(lengths)))
            for name, lengths in enumerate(instances[: VOID - 1], 1):
                labels[rle.inside(lengths)] = name
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(f"{self.names[picture]}: a damaged region in its annotations ({error})") from error
        return np.ascontiguousarray(labels)


def read_instances(path: Path) -> Instances:
    """The instances of an `instances_*.json`. Raises InputError where it is damaged; MissingExtraError."""
    rle.tools()
    taken = _Taken()
    try:
        json.loads(path.read_text(encoding="utf-8"), object_hook=taken.take)
        return taken.instances()
    except KeyError as error:
        raise InputError(f"{path}: not instances as of COCO (no {error})") from error
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not readable as instances of COCO ({error})") from error


class _Taken:
    """What is taken out of the JSON while it is parsed, so that it never exists as a whole in Python's objects."""

    def __init__(self) -> None:
        self.pictures: dict[int, tuple[str, int, int]] = {}
        self.owners, self.ends = array("q"), array("q")
        self.heads, self.contents = bytearray(), bytearray()

    def take(self, found: dict[str, Any]) -> dict[str, Any] | None:
        """Every object of the JSON comes by, inner ones first; pictures and regions are kept, and dropped there."""
        if "segmentation" in found:
            self._region(found)
        elif "file_name" in found:
            self.pictures[found["id"]] = str(found["file_name"]), int(found["height"]), int(found["width"])
        else:
            return found
        return None

    def _region(self, found: Mapping[str, Any]) -> None:
        kind, content = _packed(found["segmentation"])
        if content:
            self.owners.append(found["image_id"])
            self.heads += bytes([kind, bool(found.get("iscrowd", 0))])
            self.contents += content
            self.ends.append(len(self.contents))

    def instances(self) -> Instances:
        """Sorted by picture; pictures without an instance are left out."""
        owners, crowd = np.array(self.owners, np.int64), np.frombuffer(self.heads, np.uint8)[1::2]
        shown = set(np.unique(owners[crowd == 0]).tolist())
        if strays := shown - self.pictures.keys():
            raise ValueError(f"instances of picture {min(strays)}, which it does not list")
        numbers = np.array(sorted(shown), np.int64)
        order = np.argsort(owners, kind="stable")
        order = order[np.isin(owners[order], numbers)]
        pictures = [self.pictures[number] for number in numbers.tolist()]
        starts = np.append(np.searchsorted(owners[order], numbers), len(order)).astype(np.int64)
        sizes = np.array([size for _, *size in pictures], np.int64).reshape(-1, 2)
        ends = np.array(self.ends, np.int64)
        return Instances([n for n, *_ in pictures], sizes, starts, order, ends, bytes(self.heads), bytes(self.contents))


def _packed(segmentation: Any) -> tuple[int, bytes]:
    """Kind and bytes of a region; no bytes for one without area."""
    if isinstance(segmentation, list):
        rings = [ring for ring in segmentation if len(ring) >= 6 and len(ring) % 2 == 0]
        lengths = array("I", [len(rings), *map(len, rings)]).tobytes()
        return POLYGONS, lengths + b"".join(array("f", ring).tobytes() for ring in rings) if rings else b""
    counts, (height, width) = segmentation["counts"], segmentation["size"]
    if isinstance(counts, str):
        return TEXT, counts.encode("ascii")
    if sum(counts) != height * width:
        raise ValueError(f"run lengths of {sum(counts)} pixels for a picture of {width}x{height}")
    return COUNTS, array("I", counts).tobytes()
