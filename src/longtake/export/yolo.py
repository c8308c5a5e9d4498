"""YOLO segmentation: a text file per frame, a line per object: its class, and one polygon in fractions of the frame.

A line holds one polygon, so parts and holes are joined to it by bridges of no width, there and back between the
nearest corners. Corners are centres of an outline's pixels: what draws polygons with their outline, as OpenCV does,
gets the mask back, but for the pixels below bridges. There are no ids: a nameless object gets a class of its own,
`object ID`.
Shapes: n corners, as x and y.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml
from jaxtyping import Bool, Int

from longtake.errors import InputError, SettingError
from longtake.export.exchange import OBJECT, MaskVideo, Region, Regions, Report, Still, cut
from longtake.export.folders import size_of
from longtake.export.parsed import Parsed, named_apart
from longtake.video.images import images_in, natural_order
from longtake.video.sinks import output
from longtake.video.sources import open_source
from longtake.video.whole import whole_folder

CLASSES, LABELS = "data.yaml", "labels"

DIGITS = 7
"""Of a fraction: enough for sides of a hundred thousand pixels."""

CORNERS = 64
"""Of a part that are tried for its bridge."""


def write_yolo(videos: Sequence[MaskVideo], path: Path, report: Report = lambda done, count: None) -> None:
    """Write labels/FRAME.txt, or labels/VIDEO/FRAME.txt for several videos, and data.yaml with the names of classes.

    Raises OutputError, and what reading the masks raises.
    """
    classes: dict[str, int] = {}
    done, total = 0, sum(len(video.stills) for video in videos)
    with output(path), whole_folder(path) as partial:
        for video in videos:
            folder = partial / LABELS / (video.name if len(videos) > 1 else "")
            folder.mkdir(parents=True)
            for place, still in enumerate(video.stills):
                lines = [
                    f"{classes.setdefault(_class(name, region), len(classes))} {_polygon(region, still.size)}\n"
                    for name, region in video.read(place).items()
                ]
                (folder / f"{still.name}.txt").write_text("".join(lines), encoding="utf-8")
                done += 1
                report(done, total)
        names = {number: name for name, number in classes.items()}
        listed = {"path": ".", "train": "images", "val": "images", "names": names}
        (partial / CLASSES).write_text(yaml.safe_dump(listed, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _class(name: int, region: Region) -> str:
    return f"{OBJECT} {name}" if region.category == OBJECT else region.category


def _polygon(region: Region, size: tuple[int, int]) -> str:
    corners = (outline(region.inside) + (region.left, region.top) + 0.5) / (size[1], size[0])
    return " ".join(f"{value:.{DIGITS}f}" for value in corners.reshape(-1))


def outline(inside: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "n 2"]:
    """One closed polygon through the outlines of all parts and holes; at least three corners."""
    rings, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    first, *others = sorted((ring[:, 0].astype(np.int64) for ring in rings), key=len, reverse=True)
    joined = first
    for ring in others:
        step = len(ring) // CORNERS + 1
        apart = ((joined[:, None] - ring[None, ::step]).astype(np.float32) ** 2).sum(axis=2)
        here, there = np.unravel_index(int(apart.argmin()), apart.shape)
        there = there * step
        around = np.concatenate([ring[there:], ring[: there + 1]])
        joined = np.concatenate([joined[: here + 1], around, joined[here:]])
    return joined if len(joined) > 2 else np.concatenate([joined] * 3)[:3]


def filled(corners: Int[np.ndarray, "n 2"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The pixels of a polygon with those of its outline; size: height and width of the frame."""
    drawn = np.zeros(size, np.uint8)
    cv2.fillPoly(drawn, [corners.astype(np.int32)], 1)
    return drawn > 0


def is_yolo(path: Path) -> bool:
    """Whether a folder is a data set of YOLO."""
    return (path / CLASSES).is_file() or next((path / LABELS).rglob("*.txt"), None) is not None


def read_yolo(path: Path, frames: Path | None) -> list[MaskVideo]:
    """The videos of such a folder: of each folder with text files in it, one.

    frames: the video or the folder of images that the polygons are of (of several, a folder with one for each), for
    files hold no sizes. Classes named `object ID` are the objects of these ids; elsewhere every line is an object of
    its own, numbered as they come. Raises InputError naming what is wrong.
    """
    if frames is None:
        raise SettingError(f"{path}: YOLO's files hold no sizes; add --frames with the video, or the folder of images")
    root = path / LABELS if (path / LABELS).is_dir() else path
    parsed = Parsed(path / CLASSES, _classes(path / CLASSES))
    groups: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("*.txt"), key=natural_order):
        groups.setdefault("" if file.parent == root else str(file.parent.relative_to(root)), []).append(file)
    named = {name or frames.stem: (name, files) for name, files in groups.items()}
    return [_video(parsed, name, files, frames / key) for name, (key, files) in named_apart(named, path)]


def _classes(path: Path) -> dict[int, str]:
    """The names of classes; none where there is no such file."""
    try:
        names = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("names", {})
        return {int(k): str(v) for k, v in (names.items() if isinstance(names, Mapping) else enumerate(names))}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable ({' '.join(str(error).split())})") from error


def _video(parsed: Parsed, name: str, files: Sequence[Path], frames: Path) -> MaskVideo:
    named = ((number, re.fullmatch(rf"{OBJECT} (\d+)", words)) for number, words in parsed.content.items())
    ids = {number: int(match[1]) for number, match in named if match}
    known = bool(ids) and len(ids) == len(parsed.content)
    new = parsed.new_ids(name, ids.values())
    if not known:
        parsed.tell(f"{name}: no ids in YOLO's files, so the objects of each frame are numbered as they come")
    texts = {file.stem: file for file in files}
    stills = parsed.stills(_stills(frames, texts))

    def read(place: int) -> Regions:
        still, regions = stills[place], dict[int, Region]()
        if still.name not in texts:
            return regions
        for number, (kind, corners) in enumerate(_lines(texts[still.name], still.size), 1):
            if known and kind not in ids:
                raise InputError(f"{texts[still.name]}, line {number}: class {kind}, which {CLASSES} does not name")
            label = ids[kind] if known else number
            category = OBJECT if known else parsed.content.get(kind, OBJECT)
            parsed.add(regions, label if new is None else new[label], cut(filled(corners, still.size), category))
        return regions

    return MaskVideo(name, stills, read, tracked=known)


def _lines(path: Path, size: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
    """Class and corners in pixels of each line. Raises InputError naming the line that is wrong."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable ({error})") from error
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            kind, values = int(words[0]), np.array(words[1:], np.float64)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: no class and corners ({error})") from error
        if len(values) < 6 or len(values) % 2 or not (np.isfinite(values).all() and (abs(values - 0.5) <= 0.6).all()):
            raise InputError(f"{path}, line {number}: no polygon: at least 3 corners, as fractions of the frame")
        corners = np.floor(values.reshape(-1, 2) * (size[1], size[0]) + 0.01).astype(np.int64)
        found.append((kind, np.clip(corners, 0, (size[1] - 1, size[0] - 1))))
    return found


def _stills(frames: Path, texts: Mapping[str, Path]) -> list[Still]:
    """The frames with their sizes: images of their own sizes, or those of a video."""
    if frames.is_dir():
        images = images_in(frames)
        stills = [Still(place, file.stem, size_of(file), file.name) for place, file in enumerate(images)]
    else:
        source = open_source(frames)
        size = next(iter(source)).size
        count = sum(1 for _ in source.entries()) if source.info.count is None else source.info.count
        stills = [Still(index, f"{index:06d}", size, f"{index:06d}.jpg") for index in range(count)]
    if stray := sorted(set(texts) - {still.name for still in stills}):
        raise InputError(f"{texts[stray[0]]}: {frames} has no frame {stray[0]} ({len(stray)} such files)")
    return stills
