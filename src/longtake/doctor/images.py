"""A folder of masks or of frames, or a single mask."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.doctor.report import Report
from longtake.errors import LongtakeError, MaskError
from longtake.video.images import UNREADABLE, images_in, read_image, repeated_names
from longtake.video.masks import Colours, read_masks, told

Size = tuple[int, int]

FLAT = 64
"""More values than that, in greyscale or colour, make a photograph rather than masks."""

LOOKS, SHOWN = 8, 20
"""Images that decide whether a folder holds masks, and objects that are listed."""


def examine_images(path: Path) -> Report:
    """Whether every image can be read, all sizes agree, names are distinct; of masks also ids and colours."""
    files = [path] if path.is_file() else images_in(path)
    if not files:
        return Report(str(path), "a folder without images", problems=[f"{path}: no images in this folder"])
    masks = path.is_file() or _are_masks(files)
    report = Report(str(path), f"{len(files)} {'masks' if masks else 'frames'}")
    _names(report, files)
    sizes = _read_masks(report, files) if masks else _read_frames(report, files)
    _sizes(report, sizes)
    return report


def _are_masks(files: list[Path]) -> bool:
    """Whether most of a few images, from all over the folder, are indexed or have few values."""
    votes = []
    for file in files[:: max(1, len(files) // LOOKS)]:
        try:
            with Image.open(file) as image:
                indexed, values = image.mode in ("P", "1"), np.array(image)
        except UNREADABLE:
            continue
        flat = values.reshape(*values.shape[:2], -1).astype(np.int64)
        packed = flat @ (1 << 16) ** np.arange(flat.shape[2])
        votes.append(indexed or len(np.unique(packed)) <= FLAT)
    return 2 * sum(votes) > len(votes)


def _names(report: Report, files: list[Path]) -> None:
    twice = repeated_names(files)
    report.problems += [f"several images are named {name}; frames are named without their ending" for name in twice]
    numbers = sorted({int(f.stem) for f in files if f.stem.isdecimal()})
    holes = [(a + 1, b - 1) for a, b in itertools.pairwise(numbers) if b > a + 1]
    if holes:
        told = ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in holes[:5])
        report.notes.append(f"numbers left out: {told}{' ...' if len(holes) > 5 else ''}")
    endings = sorted({f.suffix.lower() for f in files})
    if len(endings) > 1:
        report.notes.append(f"mixed endings: {', '.join(endings)}")


def _sizes(report: Report, sizes: dict[str, Size]) -> None:
    if not sizes:
        return
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    report.facts["size"] = f"{usual[1]}x{usual[0]} pixels"
    report.problems += [
        f"{name}: {size[1]}x{size[0]} pixels, unlike most" for name, size in sizes.items() if size != usual
    ]


def _read_frames(report: Report, files: list[Path]) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    for file in files:
        try:
            height, width = read_image(file).shape[:2]
            sizes[file.name] = (height, width)
        except LongtakeError as error:
            report.problems.append(str(error))
    return sizes


def _read_masks(report: Report, files: list[Path]) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    first: dict[int, str] = {}
    count: Counter[int] = Counter()
    empty, colours = [], Colours()
    for file in files:
        try:
            masks = read_masks(file, colours)
        except MaskError as error:
            report.problems.append(str(error))
            continue
        sizes[file.name] = (masks.labels.shape[0], masks.labels.shape[1])
        for name in masks.ids:
            first.setdefault(name, file.name)
        count.update(masks.ids)
        empty += [] if masks.ids else [file.name]
    told_of = sorted(first)[:SHOWN]
    more = f" and {len(first) - SHOWN} more" if len(first) > SHOWN else ""
    report.facts["objects"] = (", ".join(f"{name} (in {count[name]})" for name in told_of) or "none") + more
    begins = files[0].name
    report.notes += [f"object {name} comes first in {file}" for name, file in sorted(first.items()) if file != begins][
        :SHOWN
    ]
    if taken := [entry for entry in colours.known.items() if entry[1]]:
        report.notes.append(f"colours taken for objects: {told(taken)}")
    if empty:
        report.notes.append(f"{len(empty)} masks without an object (first: {empty[0]})")
    if sizes and not first:
        report.problems.append("no mask holds an object")
    return sizes
