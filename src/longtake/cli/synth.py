"""`longtake synth`: the generated benchmark longtake-synth, as a data set of its own."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.cli.problems import every_problem
from longtake.cli.progress import progress


def command(
    out: Annotated[Path, typer.Argument(help="Folder for the data set.")],
    seed: Annotated[int, typer.Option(help="Another seed, other videos.")] = 1,
    frames: Annotated[int, typer.Option(help="Of each video; absences last over a quarter of them.")] = 420,
) -> None:
    """Make three long videos with masks, metadata, captions and attributes: the same bit for bit on every machine.

    Objects leave for over 100 frames, and look-alikes come while they are away; others grow and shrink, or come late.
    Laid out as LVOS v2 is, with PNG frames: every command that takes LVOS takes it.

    Examples:
        longtake synth SYNTH --seed 1

        longtake benchmark SYNTH --dataset longtake-synth --out runs/long

    Results: valid/JPEGImages/VIDEO/FRAME.png, valid/Annotations/VIDEO/FRAME.png, valid/valid_meta.json and
    unseen_videos.txt in the folder.

    """
    from longtake.data.longsynth import write_longsynth

    with every_problem(), progress("making") as update:
        write_longsynth(out, seed, frames, report=update)
    typer.echo(f"3 videos of {frames} frames: {out}")
