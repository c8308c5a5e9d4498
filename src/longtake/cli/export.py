"""`longtake export`: masks in the form that other programs and the servers of benchmarks take."""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longtake.cli import options
from longtake.cli.problems import every_problem
from longtake.cli.progress import progress
from longtake.errors import SettingError

if TYPE_CHECKING:
    from longtake.export.exchange import MaskVideo

FORMATS = ("coco", "ytvis", "yolo", "cvat", "overlay", "matte")
WITH_IMAGES = ("coco", "ytvis", "yolo")
"""Formats that name an image for each frame."""

LAYOUT = "lvos-dataset"
SERVERS = ("davis", "youtube-vos", "lvos", "mose")


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="What segment or batch wrote, a folder of mask images, or a folder of such folders; unless for "
            "servers also a file of COCO, YouTube-VIS or CVAT, or a folder of YOLO."
        ),
    ],
    to: Annotated[str, typer.Option(help=f"{', '.join((*FORMATS, LAYOUT))}; for servers {', '.join(SERVERS)}.")],
    out: Annotated[Path, typer.Option(help="A file, or a folder: see below.")],
    frames: options.Frames = None,
    object_: Annotated[
        int | None, typer.Option("--object", help="The id of the one object to write, not for servers; without it all.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="For servers, the benchmark's data: its root, or the folder of the split.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="By default davis: test-dev; youtube-vos: valid; lvos: test; mose: valid; lvos-dataset: train."
        ),
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", help="What the system saw of YouTube-VOS: 6fps or all-frames; found out by looking."),
    ] = None,
) -> None:
    """Masks for other programs, overlays and mattes for people, or predictions packed for a benchmark's server.

    coco (NAME.json): a picture per frame, compressed run lengths per object, its id as track_id.

    ytvis (NAME.json): an annotation per object with its masks through the video.

    cvat (NAME.xml): CVAT for video 1.1, a track of one frame per mask; ids are the attribute track_id of its label.

    yolo (a folder): labels/FRAME.txt, data.yaml, a class per object; bridges join parts and holes, where pixels change.

    overlay (NAME.mp4): masks over the video, with its times and sound.

    matte (NAME.mov ProRes 4444, NAME.webm VP9, NAME.mkv FFV1, no ending: a folder of PNGs): the video with straight
    alpha, soft where the results hold probabilities.

    lvos-dataset (a folder): SPLIT/{JPEGImages,Annotations}/VIDEO/NUMBER and the metadata of LVOS, for training and
    evaluation; other splits that are there stay.

    Several videos: one file for coco and ytvis, one folder for yolo and lvos-dataset; for the others a folder with a
    file for each.

    Examples:
        longtake export result --to coco --out coco.json

        longtake export result --to matte --object 2 --out dog.mov

        longtake export result --to overlay --object 2 --out look.mp4

        longtake export masks/ --to overlay --frames holiday.mp4 --out look.mp4

        longtake export coco.json --to ytvis --out ytvis.json

        longtake export result --to lvos-dataset --frames holiday.mp4 --out data --split train

        longtake export results --to davis --annotations DAVIS --out davis-test-dev.zip

        longtake export results --to davis --annotations DAVIS --split test-challenge --out challenge.zip

        longtake export results --to youtube-vos --annotations YouTubeVOS --out ytvos.zip

        longtake export results --to lvos --annotations LVOS --split test --out lvos.zip

        longtake export results --to mose --annotations MOSE/valid --out mose.zip

    For servers every file is looked at first: frames that are missing, sizes unlike the frame's, ids that the given
    masks or the metadata lack, images that are none or hold colours. All of it is told at once, and nothing is written
    then. In NAME.zip (or a folder) lie exactly the frames that are scored, as 8-bit palette PNGs:
    VIDEO/FRAME.png for davis (every frame) and mose (every frame), Annotations/VIDEO/FRAME.png for lvos (every
    frame) and youtube-vos (the frames that meta.json lists; an object is taken out before its first one).
    Beside NAME.zip, NAME.json records what was packed, of which data, and whether all frames or those of 6 fps were
    seen. Packing the same predictions again gives the same archive.

    """
    if to in FORMATS:
        _refuse({"--annotations": annotations, "--split": split, "--input": input_}, f"--to {to}")
        _convert(predictions, to, out, frames, object_)
    elif to == LAYOUT:
        _refuse({"--annotations": annotations, "--object": object_, "--input": input_}, f"--to {to}")
        _lay_out(predictions, out, frames, split or "train")
    elif to in SERVERS:
        _refuse({"--frames": frames, "--object": object_}, f"--to {to}")
        if annotations is None:
            raise SettingError(
                f"--to {to}: add --annotations with the benchmark's data, its root or the split's folder"
            )
        _submit(predictions, annotations, to, out, split, input_)
    else:
        raise SettingError(f"--to {to}: not a format; use one of: {', '.join((*FORMATS, LAYOUT, *SERVERS))}")


def _refuse(options: Mapping[str, Any], where: str) -> None:
    """Raises SettingError where an option was given that says nothing there."""
    for name, value in options.items():
        if value is not None:
            raise SettingError(f"{name} {value}: says nothing with {where}; leave it out")


def _convert(predictions: Path, to: str, out: Path, frames: str | None, only: int | None) -> None:
    from longtake.export.convert import export, open_masks

    with progress("exporting") as update:
        videos = open_masks(predictions, frames=Path(frames) if frames else None)
        source = frames if to in ("overlay", "matte") else None
        files = export(videos, to, out, source, only, lambda done, count: update(done, count, "frames"))
    typer.echo(written(videos, files))
    if to in WITH_IMAGES:
        _tell_of_images(videos)


def _tell_of_images(videos: Sequence["MaskVideo"]) -> None:
    """Where the images of a video are that the files name, for they are not written."""
    for video in videos[:3]:
        if video.source is not None and Path(video.source).is_file():
            command = f"ffmpeg -i {shlex.quote(video.source)} -fps_mode passthrough -start_number 0 -q:v 2 %06d.jpg"
            typer.echo(f"the images that it names are the frames of {video.name} by number; write them with: {command}")


def _lay_out(predictions: Path, out: Path, frames: str | None, split: str) -> None:
    from longtake.export.convert import open_masks
    from longtake.export.lvos import Described, images_beside, write_lvos

    with progress("exporting") as update:
        videos = open_masks(predictions, frames=Path(frames) if frames else None)
        if frames and len(videos) > 1:
            raise SettingError(f"--frames {frames}: one video, but there are masks of {len(videos)}; leave it out")
        described = [Described(video, partial(images_beside, video, frames)) for video in videos]
        folder = write_lvos(described, out, split, lambda done, count: update(done, count, "frames"))
    typer.echo(written(videos, [folder]))


def written(videos: Sequence["MaskVideo"], places: Sequence[Path]) -> str:
    """How much was written, and where."""
    count, some = sum(len(video.stills) for video in videos), ", ".join(map(str, places[:3]))
    more = ", ..." if len(places) > 3 else ""
    return f"{len(videos)} video{'' if len(videos) == 1 else 's'}, {count} frames: {some}{more}"


def _submit(predictions: Path, annotations: Path, to: str, out: Path, split: str | None, rate: str | None) -> None:
    from longtake.evaluation.submission.pack import submit

    with every_problem(), progress("packing") as update:
        done = submit(
            predictions,
            annotations,
            to,
            out,
            split=split,
            rate=rate,
            report=lambda done, count: update(done, count, "frames"),
        )
    typer.echo(summary(done.facts))
    typer.echo(f"written: {done.path}, {done.record}")


def summary(facts: Mapping[str, Any]) -> str:
    """What was packed, and what is good to know of it."""
    lines = [
        f"{facts['benchmark']}, split {facts['split']}: {facts['videos']} videos, {facts['frames']} frames, "
        f"{facts['objects']} objects, as {facts['layout']}"
    ]
    if facts["input"]:
        lines.append(f"  input: {facts['input']['rate']} ({facts['input']['known_from']})")
    return "\n".join([*lines, *(f"  note: {note}" for note in facts["notes"])])
