"""Masks that other programs proposed, from a file that somebody uploaded, laid to the frames of a video.

Shapes: h, w the size of a frame.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt16

from longtake.annotate.unpack import unpack
from longtake.errors import InputError
from longtake.export.convert import open_masks
from longtake.export.exchange import OBJECT, MaskVideo, Overlaps, flattened
from longtake.export.folders import RECORD
from longtake.export.parsed import folder_name
from longtake.export.things import OBJECTS
from longtake.export.yolo import CLASSES, LABELS, is_yolo
from longtake.video.images import IMAGE_ENDINGS

T = TypeVar("T")

FILES = frozenset({".json", ".xml"})
TEXTS = frozenset({".txt", ".yaml"})

DIGITS = 18
"""Of a frame's number at most."""

UNPACKED, ONE = ".unpacked-", ".one-video"
"""What the folder beside a .zip begins with, where it is unpacked to for the time being; a folder in it."""


@dataclass(frozen=True)
class Target:
    """The video that masks are to be laid to."""

    name: str
    frames: Sequence[str]
    """The names of its frames, in order."""
    size: tuple[int, int]
    """Height and width."""
    source: Path
    """The video file, or the folder of its images."""


class Proposals:
    """The masks of a file, by index of the frame, in order; frames on which it has no objects are passed over.

    path: a .json of COCO or YouTube-VIS, an .xml of CVAT, or a .zip of one of them, of mask images or of a folder of
    YOLO; its name is told in messages and may tell the video. Raises LongtakeError: all that can be known before masks
    are read comes before the first frame.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self.path, self.target = path.absolute(), target
        self.categories = dict[int, str]()
        """What the file calls the objects that came so far, where it says so."""

    def __iter__(self) -> Iterator[tuple[int, UInt16[np.ndarray, "h w"]]]:
        with _told_by_name(self.path), _opened(self.path, self.target) as video:
            overlaps = Overlaps(video.name)
            for index, place in _places(video, self.target, self.path).items():
                if not (regions := video.read(place)):
                    continue
                named = {name: region.category for name, region in regions.items() if region.category != OBJECT}
                self.categories |= {name: named[name] for name in named if name not in self.categories}
                yield index, overlaps.add(*flattened(regions, self.target.size))
            overlaps.tell()


@contextlib.contextmanager
def _told_by_name(path: Path) -> Iterator[None]:
    """Messages that begin with the name of the file, without the folders where it happens to lie and is unpacked."""
    try:
        yield
    except InputError as error:
        line = re.sub(rf"{re.escape(str(path.parent))}/({UNPACKED}[^/]+/[^/]+/)?", "", str(error))
        line = line.replace(f"{ONE}/", "")
        raise InputError(line if line.startswith(path.name) else f"{path.name}: {line}") from error


@contextlib.contextmanager
def _opened(path: Path, target: Target) -> Iterator[MaskVideo]:
    """The masks of the video in a file; what is unpacked for it is gone afterwards."""
    if path.suffix.lower() != ".zip":
        yield _of(open_masks(path, frames=target.source), target, path)
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=UNPACKED) as folder:
        root = Path(folder) / folder_name(path.stem)
        root.mkdir()
        if not unpack(path, root, IMAGE_ENDINGS | FILES | TEXTS):
            raise InputError(f"{path}: no masks in it; pack mask images, or a file of COCO, YouTube-VIS, CVAT or YOLO")
        yield _of(_unpacked(root, target, path), target, path)


def _unpacked(root: Path, target: Target, path: Path) -> list[MaskVideo]:
    """The videos of a folder: of its only .xml or .json, which programs pack with images; else of YOLO, or masks."""
    files = [file for file in root.rglob("*") if file.suffix.lower() in FILES and file.name not in (RECORD, OBJECTS)]
    if len(files) == 1:
        return open_masks(files[0], frames=target.source)
    while len(inner := list(root.iterdir())) == 1 and inner[0].is_dir() and inner[0].name != LABELS:
        root = inner[0]
    if is_yolo(root) or not any(file.suffix.lower() in IMAGE_ENDINGS for file in root.rglob("*")):
        return open_masks(_yolo_of(root, target, path), "yolo", target.source)
    return open_masks(root, "masks")


def _yolo_of(root: Path, target: Target, path: Path) -> Path:
    """A folder of YOLO with the files of one video, which then lie where those of an only one do."""
    labels = root / LABELS if (root / LABELS).is_dir() else root
    folders = {str(file.parent.relative_to(labels)): file.parent for file in labels.rglob("*.txt")}
    chosen, one = _chosen(folders, target, path), root / ONE
    (one / LABELS).mkdir(parents=True)
    if (root / CLASSES).is_file():
        (root / CLASSES).rename(one / CLASSES)
    for file in chosen.glob("*.txt"):
        file.rename(one / LABELS / file.name)
    return one


def _of(videos: Sequence[MaskVideo], target: Target, path: Path) -> MaskVideo:
    return _chosen({video.name: video for video in videos}, target, path)


def _chosen(found: Mapping[str, T], target: Target, path: Path) -> T:
    """The one with the video's name, else the only one. Raises InputError that lists them."""
    for name in (target.name, Path(target.name).stem):
        if (same := found.get(name, found.get(folder_name(name)))) is not None:
            return same
    if len(found) == 1:
        return next(iter(found.values()))
    names = ", ".join([*list(found)[:5], *["..."][: len(found) > 5]])
    raise InputError(f"{path}: {len(found)} videos ({names}), none of them named {target.name}; rename one so")


def _places(video: MaskVideo, target: Target, path: Path) -> dict[int, int]:
    """The place of the masks of each frame, in order of the frames: the same by name, else by number.

    A frame's number is its name, or its index where that is none. Raises InputError where masks fit no frame, two fit
    one, or sizes differ.
    """
    names = {name: index for index, name in enumerate(target.frames)}
    numbers = {_number(name, index): index for index, name in enumerate(target.frames)}
    found, stray = dict[int, int](), list[str]()
    for place, still in enumerate(video.stills):
        if still.size != target.size:
            (height, width), (due_height, due_width) = still.size, target.size
            raise InputError(
                f"{path}: frame {still.name}: masks of {width}x{height} pixels, but {target.name} has "
                f"{due_width}x{due_height}"
            )
        index = names.get(still.name, numbers.get(_number(still.name, -1)))
        if index is None:
            stray.append(still.name)
        elif (other := found.setdefault(index, place)) != place:
            raise InputError(f"{path}: {video.stills[other].name} and {still.name} are masks of one frame; keep one")
    if stray:
        raise InputError(
            f"{path}: {len(stray)} masks fit no frame of {target.name} (first: {', '.join(stray[:3])}); its "
            f"{len(target.frames)} frames go from {target.frames[0]} to {target.frames[-1]}"
        )
    return dict(sorted(found.items()))


def _number(name: str, other: int) -> int:
    """The number that a frame's name is, else the other one."""
    return int(name) if name.isdecimal() and len(name) <= DIGITS else other
