"""`longtake evaluate`: predictions scored as a benchmark scores them."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.cli import options
from longtake.cli.problems import every_problem
from longtake.cli.progress import progress
from longtake.errors import SettingError


def command(
    protocol: Annotated[
        str, typer.Option(help="davis2016, davis2017, lvos-plain, lvos-v1, lvos-v2 or youtube-vos-proxy.")
    ],
    annotations: Annotated[
        Path, typer.Option(help="A data set's root, the folder of one split, or a folder of one folder per video.")
    ],
    predictions: Annotated[
        list[Path], typer.Option(help="A folder of one folder per video; several to compare runs with the first.")
    ],
    split: options.Split = None,
    unseen: options.Unseen = None,
    attributes: options.Attributes = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures, per frame too, to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row per object to this file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page to look at: curves, sparklines, worst frames.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as help.")] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Repeat the known faults of the reference program.")
    ] = False,
) -> None:
    """Score predictions: region similarity J, contour accuracy F, their recall and decay, for LVOS also stability V.

    The rules of the protocol are printed with the figures. Masks are PNGs with an id per pixel, in a folder per video.
    Intervals hold 95 percent of 2,000 bootstrap draws of videos.

    Examples:
        longtake evaluate --protocol davis2017 --annotations DAVIS --predictions results

        longtake evaluate --protocol lvos-v2 --annotations LVOS/valid --predictions results --unseen unseen_videos.txt

        longtake evaluate --protocol davis2016 --annotations masks/ --predictions a b --html report.html

        longtake evaluate --protocol davis2017 --annotations DAVIS --predictions results --attributes computed

    """
    from longtake.cli.scores import check_files, show, write
    from longtake.evaluation.evaluate import evaluate
    from longtake.evaluation.protocols import find_protocol

    check_files(json=json, csv=csv, html=html)
    runs = named(predictions)
    rules = find_protocol(protocol, as_published)
    with every_problem(), progress("scoring") as update:
        evaluation = evaluate(
            annotations,
            runs,
            rules,
            split=split,
            unseen=unseen,
            attributes=attributes,
            workers=workers,
            report=lambda done, count: update(done, count, "videos"),
        )
    show(evaluation)
    write(evaluation, json, csv, html)


def named(folders: list[Path]) -> dict[str, Path]:
    """Runs by the part of their paths that tells them apart. Raises SettingError on a folder given twice."""
    parts = [folder.resolve().parts[::-1] for folder in folders]
    if len(set(parts)) < len(parts):
        raise SettingError("--predictions: the same folder twice; give each run once")
    for names in zip(*parts, strict=False):
        if len(set(names)) == len(names):
            return dict(zip(names, folders, strict=True))
    return {str(folder): folder for folder in folders}
