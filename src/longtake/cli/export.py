"""`longtake export`: predictions in the form that a benchmark's server takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from longtake.cli.problems import every_problem
from longtake.cli.progress import progress


def command(
    predictions: Annotated[Path, typer.Argument(help="A folder of one folder per video, with a mask per frame.")],
    to: Annotated[str, typer.Option(help="davis, youtube-vos, lvos or mose.")],
    annotations: Annotated[Path, typer.Option(help="The benchmark's data: its root, or the folder of the split.")],
    out: Annotated[Path, typer.Option(help="An archive to be uploaded (NAME.zip), or a folder.")],
    split: Annotated[
        str | None, typer.Option(help="By default davis: test-dev; youtube-vos: valid; lvos: test; mose: valid.")
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", help="What the system saw of YouTube-VOS: 6fps or all-frames; found out by looking."),
    ] = None,
) -> None:
    """Pack predictions for a benchmark's server: exactly the frames it scores, as 8-bit palette PNGs.

    Every file is looked at first: frames that are missing, sizes unlike the frame's, ids that the given masks or the
    metadata lack, images that are none or hold colours. All of it is told at once, and nothing is written then.

    Examples:
        longtake export results --to davis --annotations DAVIS --out davis-test-dev.zip

        longtake export results --to davis --annotations DAVIS --split test-challenge --out challenge.zip

        longtake export results --to youtube-vos --annotations YouTubeVOS --out ytvos.zip

        longtake export results --to lvos --annotations LVOS --split test --out lvos.zip

        longtake export results --to mose --annotations MOSE/valid --out mose.zip

    Inside: VIDEO/FRAME.png for davis (every frame) and mose (every frame), Annotations/VIDEO/FRAME.png for lvos (every
    frame) and youtube-vos (the frames that meta.json lists; an object is taken out before its first one).
    Beside NAME.zip, NAME.json records what was packed, of which data, and whether all frames or those of 6 fps were
    seen. Packing the same predictions again gives the same archive.

    """
    from longtake.evaluation.submission.pack import submit

    with every_problem(), progress("packing") as update:
        done = submit(
            predictions,
            annotations,
            to,
            out,
            split=split,
            rate=input_,
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
