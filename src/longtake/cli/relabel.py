"""`longtake relabel`: ids changed in masks that are there."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    results: Annotated[Path, typer.Argument(help="A folder that segment wrote, or a folder of label images.")],
    swap: Annotated[list[str] | None, typer.Option(help="A,B: each gets the other's id. May be repeated.")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="A=B: A becomes B, which must not be there.")] = None,
    merge: Annotated[list[str] | None, typer.Option(help="A,B,...=C: all of these become one object.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A,B,...: these become background.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First frame: seconds, hh:mm:ss.s, or '#frame'. Without it the first.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last frame, changed too. Without it the last.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for the outcome; without it the masks are replaced.")
    ] = None,
) -> None:
    """Swap, rename, merge or remove objects over a range of frames; nothing is segmented again.

    All changes are made at once, in all frames or in none. frames.csv and run.json are brought in line; overlay.mp4 and
    probabilities stay what they were.

    Examples:
        longtake relabel result --swap 1,2 --from 0:12 --to 0:20.5

        longtake relabel result --rename 3=1 --from '#400' --out corrected

        longtake relabel result --merge 2,5=2 --remove 4

    """
    from longtake.data.relabel import parse_changes, relabel
    from longtake.video.spans import parse_span

    changes = parse_changes(swap or (), rename or (), merge or (), remove or ())
    changed, count = relabel(results, changes, parse_span(from_, to, ("--from", "--to")), out)
    target = out or results
    typer.echo(f"{changed} of {count} masks changed: {target}")
    if (results / "overlay.mp4").exists():
        labels = target / "labels"
        typer.echo(
            f"the overlay still shows the old ids; make it anew: longtake export {labels} --to overlay --frames VIDEO "
            f"--out {target / 'overlay.mp4'}"
        )
