"""`longtake doctor`: every problem of a video, masks, a data set, a checkpoint or the installation at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from longtake.doctor.report import Report


def command(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A video, a folder of masks or frames, a mask, a data set, videos with masks, an export, predictions, "
            "a checkpoint."
        ),
    ] = None,
) -> None:
    """Examine a video, masks, a data set or a checkpoint; without a path, the installation.

    Every problem is told at once; status 1 where there are any. Of a data set (DAVIS, YouTube-VOS, LVOS, MOSE, or a
    folder per video, as predictions are) every split is looked at, or the one whose folder is given: all images are
    decoded, lists and metadata held against them. Of videos with masks of your own, and of a .json of COCO or
    YouTube-VIS, an .xml of CVAT or a folder of YOLO with the frames beside, all that train would stop at is told.

    Examples:
        longtake doctor

        longtake doctor holiday.mp4

        longtake doctor masks/

        longtake doctor DAVIS

        longtake doctor YouTubeVOS/valid

        longtake doctor results/

        longtake doctor mine/    (mine/videos/dog.mp4, mine/masks/dog/000012.png, ...)

        longtake doctor cvat.xml

        longtake doctor runs/a/model.safetensors

    """
    report = _installation() if path is None else _examined(path)
    typer.echo(report.text())
    if report.problems:
        raise typer.Exit(1)


def _installation() -> "Report":
    from longtake.doctor.installation import examine_installation

    return examine_installation()


def _examined(path: Path) -> "Report":
    from longtake.cli.progress import progress
    from longtake.doctor.examine import examine

    with progress("examining") as update:
        return examine(path, lambda done, count: update(done, count, "images"))
