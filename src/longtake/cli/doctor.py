"""`longtake doctor`: every problem of a video, of masks, of a checkpoint or of the installation at once."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    path: Annotated[
        Path | None, typer.Argument(help="A video, a folder of masks or frames, a mask, a checkpoint.")
    ] = None,
) -> None:
    """Examine a video, masks or a checkpoint; without a path, the installation. Status 1 where there are problems.

    Examples:
        longtake doctor

        longtake doctor holiday.mp4

        longtake doctor masks/

        longtake doctor runs/a/model.safetensors

    """
    from longtake.cli.progress import progress
    from longtake.doctor.examine import examine

    with progress("examining"):
        report = examine(path)
    typer.echo(report.text())
    if report.problems:
        raise typer.Exit(1)
