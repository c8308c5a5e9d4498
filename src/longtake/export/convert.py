"""Masks from one format to another: whatever holds masks is opened as videos, and videos are written in any format."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from longtake.errors import InputError, OutputError, SettingError
from longtake.export.coco import read_coco, write_coco
from longtake.export.cvat import read_cvat, write_cvat
from longtake.export.exchange import MaskVideo, Overlaps, Report, flattened, only_object
from longtake.export.folders import images_video, is_results, results_video
from longtake.export.matte import coding_of, write_matte
from longtake.export.overlay import write_overlay
from longtake.export.parsed import Parsed, named_apart, read_json
from longtake.export.yolo import is_yolo, read_yolo, write_yolo
from longtake.export.ytvis import read_ytvis, write_ytvis
from longtake.video.images import images_in
from longtake.video.palette import write_labels
from longtake.video.rle import tools
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole_folder

MASKS = ("coco", "ytvis", "yolo", "cvat")
"""Formats that hold masks; files of them can be read, too."""

PICTURES = ("overlay", "matte")
"""Formats that hold the video and its masks."""

SOURCES = (*MASKS, "masks")
"""What masks can be read from; masks: a folder of mask images, of results, or of such folders."""

ONE_FILE: Mapping[str, Callable[[Sequence[MaskVideo], Path, Report], None]] = {
    "coco": write_coco,
    "ytvis": write_ytvis,
    "yolo": write_yolo,
}
"""Formats that hold several videos in one."""

ENDINGS = {"cvat": ".xml", "overlay": ".mp4", "matte": ".mov"}
"""Of the files of several videos."""

BELOW = ("Annotations/480p", "Annotations")
"""Where data sets have the folders of their videos."""

SIDE = {"coco": "coco.json", "ytvis": "ytvis.json", "yolo": "yolo", "cvat": "cvat.xml"}
"""What segment writes beside its labels."""


def open_masks(path: Path, kind: str | None = None, frames: Path | None = None) -> list[MaskVideo]:
    """The videos whose masks a file or folder holds. kind: one of `SOURCES`, None to find it out by looking.

    frames: the video or the images that the masks are of, for formats that lack their sizes (YOLO) or names (CVAT).
    Raises InputError.
    """
    if kind is not None and kind not in SOURCES:
        raise SettingError(f"--from {kind}: use one of: {', '.join(SOURCES)}")
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir():
        if kind == "yolo" or (kind is None and not is_results(path) and is_yolo(path)):
            return read_yolo(path, frames)
        if kind in (None, "masks"):
            return _folders(path)
        raise SettingError(f"{path}: a folder; --from {kind} takes a file")
    if kind == "cvat" or (kind is None and path.suffix.lower() == ".xml"):
        return [_named(video, frames) for video in read_cvat(Parsed(path, None))]
    if kind in ("yolo", "masks") or (kind is None and path.suffix.lower() != ".json"):
        raise InputError(
            f"{path}: no folder of masks, no .json of COCO or YouTube-VIS, no .xml of CVAT; unpack archives"
        )
    tools()
    parsed = Parsed(path, read_json(path))
    return (read_ytvis if (kind or _json_kind(parsed)) == "ytvis" else read_coco)(parsed)


def _named(video: MaskVideo, frames: Path | None) -> MaskVideo:
    """The masks of a video whose frames are images, by the names of these."""
    if frames is None or not frames.is_dir():
        return video
    images = images_in(frames)
    if not video.stills or video.stills[-1].index >= len(images):
        raise InputError(
            f"{frames}: {len(images)} images, but the masks are of frame {video.stills[-1].index} and before"
        )
    stills = [replace(still, name=images[still.index].stem, file=images[still.index].name) for still in video.stills]
    return replace(video, stills=stills)


def _json_kind(parsed: Parsed) -> str:
    """COCO lists pictures, YouTube-VIS videos with the files of their frames."""
    content = parsed.content
    if isinstance(content, dict) and "annotations" in content:
        if "images" in content:
            return "coco"
        if "videos" in content:
            return "ytvis"
    raise InputError(f"{parsed.path}: neither COCO (images, annotations) nor YouTube-VIS (videos, annotations)")


def _folders(path: Path) -> list[MaskVideo]:
    """The video of a folder, or those of the folders in it; also where they lie as in a data set."""
    if is_results(path):
        return [results_video(path)]
    if images_in(path):
        return [images_video(path)]
    below = next((path / name for name in BELOW if (path / name).is_dir()), path)
    children = sorted(child for child in below.iterdir() if child.is_dir() and not child.name.startswith("."))
    videos = {child.name: results_video(child, child.name) for child in children if is_results(child)}
    videos |= {child.name: images_video(child) for child in children if child.name not in videos and images_in(child)}
    if not videos:
        raise InputError(f"{path}: no masks in it; give what segment or batch wrote, or folders of mask images")
    return [video for _, video in sorted(named_apart(videos, path))]


def export(
    videos: Sequence[MaskVideo],
    to: str,
    out: Path,
    source: str | None = None,
    only: int | None = None,
    report: Report = lambda done, count: None,
) -> list[Path]:
    """Write the masks of videos, whole or not at all; returns the files.

    to: one of `MASKS` and `PICTURES`. out: a file for coco, ytvis, cvat, overlay and matte, a folder for yolo and for a
    matte without an ending; of several videos, cvat, overlay and matte make a folder with a file for each. source: the
    video, for pictures of masks that do not tell it. only: the one object to write, None for all. Raises
    LongtakeError.
    """
    if to in ("coco", "ytvis"):
        tools()
    if source is not None and to in PICTURES and len(videos) > 1:
        raise SettingError(f"--source {source}: one video, but there are masks of {len(videos)}; leave it out")
    if only is not None:
        videos = [only_object(video, only) for video in videos]
    make_folder(out.parent)
    several = len(videos) > 1 and to not in ONE_FILE
    _check_place(out, folder=several or to == "yolo" or (to == "matte" and coding_of(out) is None))
    if to in ONE_FILE:
        ONE_FILE[to](videos, out, report)
        return [out]
    if len(videos) == 1:
        _write(videos[0], to, out, source, only, report)
        return [out]
    with output(out), whole_folder(out) as partial:
        for video in videos:
            _write(video, to, partial / f"{video.name}{ENDINGS[to]}", source, only, report)
    return [out / f"{video.name}{ENDINGS[to]}" for video in videos]


def _write(video: MaskVideo, to: str, path: Path, source: str | None, only: int | None, report: Report) -> None:
    if to == "cvat":
        write_cvat(video, path, report)
    elif to == "overlay":
        write_overlay(video, path, source, report)
    elif to == "matte":
        write_matte(video, path, source, only, report)
    else:
        raise SettingError(f"--to {to}: not a format; use one of: {', '.join((*MASKS, *PICTURES))}")


def _check_place(out: Path, folder: bool) -> None:
    """Raises OutputError where something is in the way that is not to be written over."""
    if folder and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: is there already; remove it, or choose another --out")
    if not folder and out.is_dir():
        raise OutputError(f"{out}: a folder; give a file for --out")


def write_beside(results: Path, kinds: Sequence[str]) -> None:
    """What segment writes beside its labels once they are all there: coco, ytvis, yolo, cvat."""
    for kind in (kind for kind in SIDE if kind in kinds):
        path = results / SIDE[kind]
        if path.is_dir() and is_yolo(path):  # of an earlier run
            shutil.rmtree(path)
        export([results_video(results)], kind, path)


def import_masks(videos: Sequence[MaskVideo], out: Path, report: Report = lambda done, count: None) -> None:
    """Write out/VIDEO/FRAME.png, an id image for every frame, whole or not at all; overlaps are told of.

    Where objects overlap, the one of the higher layer keeps the pixel, within a layer the smaller one. Raises
    OutputError, and what reading the masks raises.
    """
    make_folder(out.parent)
    _check_place(out, folder=True)
    done, total = 0, sum(len(video.stills) for video in videos)
    with output(out), whole_folder(out) as partial:
        for video in videos:
            (partial / video.name).mkdir()
            overlaps = Overlaps(video.name)
            for place, still in enumerate(video.stills):
                labels = overlaps.add(*flattened(video.read(place), still.size))
                write_labels(partial / video.name / f"{still.name}.png", labels)
                done += 1
                report(done, total)
            overlaps.tell()
