"""Propose: what a detector finds in every frame, kept in files, for `--proposals` and for training."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from PIL import ExifTags, Image

from longtake.engine.runtime import runtime
from longtake.errors import SourceError
from longtake.systems.proposers import open_detector
from longtake.types import Frame
from longtake.video.images import UNREADABLE, images_in, read_image, repeated_names
from longtake.video.proposals import UPRIGHT, write_proposals
from longtake.video.sinks import make_folder, output
from longtake.video.sources import open_source

Report = Callable[[int, int | None, str], None]


def propose(
    source: Path | str,
    detector: Path,
    out: Path,
    *,
    short_side: int = 800,
    device: str = "auto",
    report: Report = lambda done, count, note: None,
) -> int:
    """Write FRAME.json for every frame that has none yet; returns how many there are.

    source: a video, a folder of images of any sizes, or a tree of such folders, which `out` then mirrors. detector:
    weights of torchvision's Mask R-CNN. short_side: see `MaskRCNNFinder`. Raises LongtakeError; finished files stay.
    """
    root = Path(source)
    count, frames = _of_folder(root) if root.is_dir() else _of_video(source)
    finder, done = open_detector(detector, runtime(device).device, short_side), 0
    for place, frame, orientation in frames:
        path = out / place
        if not path.exists():
            make_folder(path.parent)
            found = finder(frame())
            with output(path):
                write_proposals(path, found, orientation)
        done += 1
        report(done, count, str(place.parent))
    return done


Frames = Iterator[tuple[Path, Callable[[], Frame], int]]
"""A frame's file below the folder of results, what reads it, and how its pixels are stored turned."""


def _of_video(source: Path | str) -> tuple[int | None, Frames]:
    video = open_source(source)
    return video.info.count, ((Path(f"{frame.name}.json"), partial(_same, frame), UPRIGHT) for frame in video)


def _same(frame: Frame) -> Frame:
    return frame


def _of_folder(root: Path) -> tuple[int, Frames]:
    images = _images_below(root)
    places = ((image, image.relative_to(root).with_suffix(".json")) for image in images)
    return len(images), ((place, partial(_frame, image), _orientation(image)) for image, place in places)


def _images_below(root: Path) -> list[Path]:
    """All images of a folder and the folders in it, hidden ones left out.

    Raises SourceError where there are none, or two of a folder differ in their ending alone.
    """
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    shown = [folder for folder in folders if not any(part.startswith(".") for part in folder.relative_to(root).parts)]
    found = list[Path]()
    for folder in shown:
        own = images_in(folder)
        if twice := repeated_names(own):
            raise SourceError(f"{folder}: several images are named {twice[0]}; files are named without their ending")
        found += own
    if not found:
        raise SourceError(f"{root}: no images in this folder or in any below it")
    return found


def _frame(image: Path) -> Frame:
    return Frame(0, image.stem, Fraction(0), True, read_image(image))


def _orientation(path: Path) -> int:
    """What the camera says of the stored pixels."""
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    except UNREADABLE:
        return UPRIGHT
