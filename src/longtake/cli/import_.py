"""`longtake import`: masks of other programs as mask images."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.cli import options
from longtake.cli.export import written
from longtake.cli.progress import progress


def command(
    file: Annotated[
        Path,
        typer.Argument(help="A .json of COCO or YouTube-VIS, an .xml of CVAT, a folder of YOLO, or of mask images."),
    ],
    out: Annotated[Path, typer.Option(help="A new folder: it gets a folder of mask images for each video.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="coco, ytvis, yolo, cvat or masks; found out by looking.")
    ] = None,
    frames: options.Frames = None,
) -> None:
    """Masks of other programs as a folder of mask images per video, as segment, evaluate and train read them.

    COCO: polygons and run lengths, a video for each folder of pictures. YouTube-VIS. CVAT for video or for images
    1.1: masks and polygons. YOLO segmentation. Mask images in folders, also as DAVIS, YouTube-VOS, LVOS and MOSE have
    them. Ids stay (track_id; in YOLO the classes `object ID`), up to 65535; where there are none, objects are numbered.

    Examples:
        longtake import coco.json --out masks

        longtake import annotations.xml --out masks --frames frames/

        longtake import dataset/ --from yolo --out masks --frames dataset/images

        longtake segment holiday.mp4 --masks masks/holiday --out result

    Results: masks/VIDEO/FRAME.png, for every frame, palette PNG, 16-bit beyond id 254. Such an image holds one object
    per pixel: where objects overlap, that is told, and the object of the higher layer (CVAT) or else the smaller one is
    kept. `longtake export FILE --to FORMAT` keeps overlaps.

    """
    from longtake.export.convert import import_masks, open_masks

    with progress("importing") as update:
        videos = open_masks(file, from_, Path(frames) if frames else None)
        import_masks(videos, out, lambda done, count: update(done, count, "frames"))
    typer.echo(written(videos, [out / video.name for video in videos]))
