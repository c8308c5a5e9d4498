"""Data sets in DAVIS layout: JPEGImages/480p/<sequence>, Annotations/480p/<sequence>, ImageSets/<year>/<split>.txt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtake.errors import InputError

RESOLUTION = "480p"


@dataclass(frozen=True)
class Video:
    """A sequence: its frames and their masks, one each, in order of time."""

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]


def is_davis(root: Path) -> bool:
    """Whether a folder has the DAVIS layout."""
    return (root / "ImageSets").is_dir() and (root / "JPEGImages" / RESOLUTION).is_dir()


def davis_videos(root: Path, split: str) -> Sequence[Video]:
    """The annotated sequences of a split.

    Raises InputError naming the file or folder that is missing, or the sequence whose frames and masks do not pair.
    """
    lists = sorted((root / "ImageSets").glob(f"*/{split}.txt"))
    if not lists:
        raise InputError(f"{root}: no ImageSets/*/{split}.txt; name one of the splits that the data set has")
    return [_video(root, name) for name in lists[-1].read_text().split()]


def _video(root: Path, name: str) -> Video:
    frames = sorted((root / "JPEGImages" / RESOLUTION / name).glob("*.jpg"))
    masks = sorted((root / "Annotations" / RESOLUTION / name).glob("*.png"))
    if not frames or [f.stem for f in frames] != [m.stem for m in masks]:
        raise InputError(f"{root}: sequence {name} has {len(frames)} frames and {len(masks)} masks; they must pair")
    return Video(name, tuple(frames), tuple(masks))
