"""Exports of a project: masks in a format of `longtake export`, with what people said of objects and what it took."""

import re
import shutil
import time
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longtake.annotate.desk import Desk
from longtake.annotate.effort import effort_csv
from longtake.errors import SettingError
from longtake.export.convert import export, import_masks
from longtake.export.exchange import MaskVideo, Regions, Report, Still, regions_of
from longtake.export.lvos import Described, write_lvos
from longtake.export.things import OBJECTS, with_categories, write_objects
from longtake.video.sinks import output
from longtake.video.whole import whole, whole_folder


@dataclass(frozen=True)
class Form:
    """What masks can be exported as; place: of the file or folder within the export, by the video's name."""

    name: str
    label: str
    place: str


FORMS = {
    form.name: form
    for form in (
        Form("masks", "Mask images, a folder per video (as DAVIS has them)", "masks"),
        Form("overlay", "Video with the masks drawn over it (masks on every frame)", "overlay.mp4"),
        Form("matte", "Video with alpha, ProRes 4444 (masks on every frame)", "matte.mov"),
        Form("coco", "COCO, run lengths", "coco.json"),
        Form("ytvis", "YouTube-VIS", "ytvis.json"),
        Form("cvat", "CVAT for video", "cvat.xml"),
        Form("yolo", "YOLO segmentation", "yolo"),
        Form("lvos-dataset", "LVOS layout: frames, masks, metadata, captions", "lvos"),
    )
}

PICTURES = ("overlay", "matte")


def deliver(desks: Sequence[Desk], form: str, only_accepted: bool, folder: Path, report: Report) -> Path:
    """Write an archive, whole or not at all, and return its path.

    Raises SettingError where there is nothing to be written, or a format that is not known; and what `export` raises.
    """
    if form not in FORMS:
        raise SettingError(f"{form}: not a format; one of: {', '.join(FORMS)}")
    chosen = [(desk, frames) for desk in desks if (frames := _frames(desk, only_accepted))]
    if not chosen:
        raise SettingError(f"no {'accepted frames' if only_accepted else 'masks'} yet, so there is nothing to export")
    if form in PICTURES:
        for desk, frames in chosen:
            if len(frames) < desk.annotation.count:
                raise SettingError(
                    f"{desk.entry.name}: {len(frames)} of {desk.annotation.count} frames have masks, and a video needs "
                    "all; set the fine rate to every frame and run step 3"
                )
    name = f"{form}-{time.strftime('%Y%m%d-%H%M%S')}"
    target = folder / f"{name}.zip"
    with output(target), whole_folder(folder / f".{name}") as partial:
        things = {desk.entry.name: desk.things() for desk, _ in chosen}
        _write(chosen, form, partial, report)
        write_objects(partial / OBJECTS, things)
        (partial / "effort.csv").write_text(
            effort_csv({desk.entry.name: desk.effort().rows for desk, _ in chosen}), encoding="utf-8"
        )
        with whole(target) as archive:
            _pack(partial, archive, report)
    shutil.rmtree(folder / f".{name}", ignore_errors=True)
    return target


def _pack(folder: Path, archive: Path, report: Report) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for done, path in enumerate(files):
            report(done, len(files))  # where it may be stopped
            packed.write(path, path.relative_to(folder))


def _write(chosen: Sequence[tuple[Desk, list[int]]], form: str, partial: Path, report: Report) -> None:
    videos = [mask_video(desk, frames) for desk, frames in chosen]
    out = partial / FORMS[form].place
    if form == "lvos-dataset":
        described = [
            Described(video, _images(desk, frames), desk.things())
            for video, (desk, frames) in zip(videos, chosen, strict=True)
        ]
        write_lvos(described, out, report=report)
    elif form == "masks":
        import_masks(videos, out, report)
    else:
        several = len(videos) > 1 and form in (*PICTURES, "cvat")
        export(videos, form, out.with_suffix("") if several else out, report=report)


def _frames(desk: Desk, only_accepted: bool) -> list[int]:
    masked = [frame for frame, _ in desk.history.items("layer")]
    accepted: Collection[int] = frozenset(desk.annotation.accepted)
    return [frame for frame in masked if frame in accepted] if only_accepted else masked


def mask_video(desk: Desk, frames: Sequence[int]) -> MaskVideo:
    """The masks of these frames, with the categories that were said."""
    annotation = desk.annotation
    names = [desk.source.name(frame) for frame in frames]
    stills = [Still(frame, name, annotation.size, f"{name}.jpg") for frame, name in zip(frames, names, strict=True)]

    def read(place: int) -> Regions:
        labels = annotation.labels(frames[place])
        return {} if labels is None else regions_of(labels)

    source = str((desk.folder / desk.entry.path).resolve())
    return with_categories(MaskVideo(re.sub(r"[/\\]", "_", desk.entry.name), stills, read, source), desk.things())


def _images(desk: Desk, frames: Sequence[int]) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (desk.reader.frame(frame).image for frame in frames)
