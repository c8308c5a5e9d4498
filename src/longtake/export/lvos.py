"""Videos as LVOS lays them out: frames, masks, and metadata with the range, category and caption of each object.

    OUT/<split>/JPEGImages/<video>/00000001.jpg, Annotations/<video>/00000001.png
    OUT/<split>/<split>_meta.json, <split>_expression_meta.json

LVOS keeps 6 of the 30 frames of a second and numbers them 1, 6, 11, ...; so are the frames numbered here, whatever
their rate is. A range ends before its `end`, as the benchmark's toolkit reads it; `frame_nums` is its length.
Shapes: h, w the size of a frame.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

from longtake.errors import InputError, MaskError, OutputError, SettingError
from longtake.export.exchange import MaskVideo, Overlaps, Regions, Report, flattened
from longtake.export.footage import beside, footage
from longtake.export.parsed import folder_name
from longtake.export.things import Thing, Things
from longtake.video.palette import write_labels
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole_folder

IMAGES, MASKS = "JPEGImages", "Annotations"

FIRST, STEP = 1, 5
"""The number of the first frame, and from one frame to the next."""

QUALITY = 95
"""Of the JPEGs, whose colours are as fine as their brightness."""


@dataclass(frozen=True)
class Described:
    """A video with what is known of its objects."""

    video: MaskVideo
    images: Callable[[], Iterator[UInt8[np.ndarray, "h w 3"]]]
    """The frames that the video's `stills` are of, RGB, in their order."""
    objects: Things = field(default_factory=dict)


def images_beside(video: MaskVideo, given: str | None = None) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frames that masks are of, from the given video or that of the run's record.

    Raises SourceError, and MaskError where a mask has no frame or the frames come in another order.
    """
    due = 0
    for frame, place in beside(footage(video, given), video):
        if place is not None:
            if place != due:
                raise MaskError(
                    f"{video.name}, frame {frame.name}: the masks are not in the order of the video's frames"
                )
            due += 1
            yield frame.image


def write_lvos(
    videos: Sequence[Described], out: Path, split: str = "train", report: Report = lambda done, count: None
) -> Path:
    """Write a split, whole or not at all, beside others that are there; returns its folder.

    Objects that are never to be seen are left out of the metadata. Where objects overlap, the higher layer keeps the
    pixel, within a layer the smaller one, which is told. Raises OutputError, InputError, MaskError, and what reading
    the frames and masks raises.
    """
    folder = out / split
    if folder_name(split) != split:
        raise SettingError(f"--split {split}: not a name that a folder can have")
    names = [folder_name(described.video.name) for described in videos]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{folder}: several videos are named {twice[0]}; give each a name of its own")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: is there already; remove it, or choose another --out or --split")
    make_folder(out)
    done, total = 0, sum(len(described.video.stills) for described in videos)
    with output(folder), whole_folder(folder) as partial:
        listed = dict[str, dict[str, Any]]()
        for name, described in zip(names, videos, strict=True):
            seen, overlaps = _Seen(), Overlaps(described.video.name)
            for number, image, regions in _frames(described):
                labels = overlaps.add(*flattened(regions, image.shape[:2]))
                _write_frame(partial, f"{name}/{number:08d}", image, labels)
                seen.add(number, labels, regions)
                done += 1
                report(done, total)
            overlaps.tell()
            listed[name] = seen.listed(described.objects)
        _write_metadata(partial / f"{split}_meta.json", listed, "category")
        _write_metadata(partial / f"{split}_expression_meta.json", listed, "caption")
    return folder


def _frames(described: Described) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"], Regions]]:
    """The number of each frame in LVOS, its image and its objects."""
    video, count = described.video, 0
    for still, image in zip(video.stills, described.images(), strict=False):
        if image.shape[:2] != still.size:
            (height, width), (due_height, due_width) = image.shape[:2], still.size
            raise MaskError(
                f"{video.name}, frame {still.name}: masks of {due_width}x{due_height} pixels, but the video has "
                f"{width}x{height}"
            )
        yield FIRST + STEP * count, image, video.read(count)
        count += 1
    if count < len(video.stills):
        raise MaskError(f"{video.name}, frame {video.stills[count].name}: masks, but the video ends before it")


def _write_frame(split: Path, name: str, image: UInt8[np.ndarray, "h w 3"], labels: UInt16[np.ndarray, "h w"]) -> None:
    picture, masks = split / IMAGES / f"{name}.jpg", split / MASKS / f"{name}.png"
    for path in (picture, masks):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(picture, quality=QUALITY, subsampling=0)
    write_labels(masks, labels)


class _Seen:
    """The numbers of each object's first and last frame, and the categories that masks name."""

    def __init__(self) -> None:
        self.ends: dict[int, tuple[int, int]] = {}
        self.categories: dict[int, str] = {}

    def add(self, number: int, labels: UInt16[np.ndarray, "h w"], regions: Regions) -> None:
        for name in np.unique(labels[labels > 0]).tolist():
            self.ends[name] = self.ends.get(name, (number, number))[0], number
            self.categories.setdefault(name, regions[name].category)

    def listed(self, things: Things) -> dict[str, Any]:
        """The objects as the metadata has them, texts all, as in LVOS's own."""
        found = dict[str, Any]()
        for name, (first, last) in sorted(self.ends.items()):
            span = range(first, last + STEP, STEP)
            thing = things.get(name, Thing())
            found[str(name)] = {
                "category": thing.category or self.categories[name],
                "frame_range": {
                    "start": f"{span.start:08d}",
                    "end": f"{span.stop:08d}",
                    "frame_nums": str(len(span)),
                },
                "caption": thing.description,
            }
        return found


def _write_metadata(path: Path, listed: Mapping[str, Mapping[str, Any]], fact: str) -> None:
    """The range of each object, and one fact more."""
    videos = {
        video: {"objects": {name: {key: thing[key] for key in (fact, "frame_range")} for name, thing in things.items()}}
        for video, things in listed.items()
    }
    path.write_text(json.dumps({"videos": videos}, indent=1) + "\n", encoding="utf-8")
