"""A data set of videos with masks, whatever layout it came in, and the masks that were predicted for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from longtake.data.attributes import Codes
from longtake.data.metadata import Listed
from longtake.errors import InputError
from longtake.video.images import images_in

Layout = Literal["davis", "youtube-vos", "lvos", "mose", "folders"]

RESOLUTION = "480p"
MASKS, IMAGES = "Annotations", "JPEGImages"
LABELS = "labels"
"""Where segment writes masks, in the folder of its results."""


@dataclass(frozen=True)
class Video:
    """A video: frames and masks by name, in order of time, and what its metadata lists of its objects."""

    name: str
    frames: Mapping[str, Path]
    masks: Mapping[str, Path]
    objects: Mapping[int, Listed] = field(default_factory=dict)
    """Empty where there is no metadata."""
    attributes: Codes | None = None
    """What people say is hard in it (LVOS, table 2); None where nobody did."""

    @property
    def pairs(self) -> list[tuple[Path, Path]]:
        """The frames that have a mask, with it."""
        return [(frame, self.masks[name]) for name, frame in self.frames.items() if name in self.masks]


@dataclass(frozen=True)
class Dataset:
    """The videos of a split."""

    layout: Layout
    root: Path
    split: str
    videos: Sequence[Video]
    metadata: Path | None = None
    year: str | None = None
    """Of the list that names a DAVIS split."""


def by_name(folder: Path, ending: str = "png") -> dict[str, Path]:
    """The images of a folder by their stem, in natural order; those with the given ending where there are any."""
    if not folder.is_dir():
        return {}
    files = images_in(folder)
    return {file.stem: file for file in [f for f in files if f.suffix.lower() == f".{ending}"] or files}


def folders_in(path: Path) -> list[Path]:
    """The folders in a folder, in order; none where there is no such folder."""
    return sorted(child for child in path.iterdir() if child.is_dir()) if path.is_dir() else []


def check_folder(path: Path, what: str) -> None:
    """Raises InputError where a path is no folder."""
    if not path.is_dir():
        raise InputError(f"{path}: {'a file and no folder' if path.exists() else 'no such folder'}; {what}")


def masks_by_video(root: Path, videos: Sequence[str]) -> dict[str, dict[str, Path]]:
    """Folders of predictions for these videos; a video without a folder is left out.

    They may lie at the root, or below it as in a data set, or in `predictions` as benchmark writes them; a folder may
    be what segment wrote. Where there are none and the root holds masks itself, they are the only video's. Raises
    InputError where there is none at all.
    """
    check_folder(root, "predictions are a folder per video with a mask per frame")
    best = max(_places(root), key=lambda place: sum((place / name).is_dir() for name in videos))
    found = {name: _masks_in(best / name) for name in videos if (best / name).is_dir()}
    if not found and len(videos) == 1 and (own := _masks_in(root)):
        return {videos[0]: own}
    if not found:
        some = ", ".join([*list(videos)[:3], *["..."][: len(videos) > 3]])
        near = next((child for child in folders_in(root) if any((child / name).is_dir() for name in videos)), None)
        layout = f"; they lie as {root}/VIDEO/FRAME.png, or {root}/VIDEO is what segment wrote"
        hint = f"; did you mean {near}?" if near else "; give the folder above it" if root.name in videos else layout
        raise InputError(f"{root}: no folder of predictions for any of the {len(videos)} videos ({some}){hint}")
    return found


def _masks_in(folder: Path) -> dict[str, Path]:
    """Masks by frame: those of a folder, or of segment's results in it."""
    return by_name(folder / LABELS) or by_name(folder)


def _places(root: Path) -> Iterator[Path]:
    """Where the folders of videos may lie, the likeliest first."""
    yield root
    yield root / MASKS / RESOLUTION
    yield root / MASKS
    yield root / "predictions"
    yield from folders_in(root / MASKS)
    yield from (child / MASKS for child in folders_in(root))
