"""`longtake describe`: what a data set is made of, in numbers and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longtake.cli.problems import every_problem
from longtake.cli.progress import progress

if TYPE_CHECKING:
    from longtake.evaluation.describe.describe import Description


def command(
    data: Annotated[Path, typer.Argument(help="A data set, one of its splits, or a folder of masks per video.")],
    split: Annotated[
        str | None, typer.Option(help="One split, or a text file with a video's name on each line; all without it.")
    ] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="A JSON file with the attributes of each video, in place of the data set's own.")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="A second data set, to compare with.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Frames per second of DATA, in place of what its layout says.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to look at.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as help.")] = None,
) -> None:
    """Describe a data set as the LVOS paper does its own: statistics, attributes, categories, sizes, absences.

    Every mask is read once. Attributes are people's where the data set or --attributes has them; where not, those that
    masks tell of (fast motion, low resolution, out-of-view, scale variation, long-term reappearance, cross-temporal
    confusion) are told from masks, and it is said which are which. docs/datasets.md defines every figure.

    Examples:
        longtake describe DAVIS --split val

        longtake describe LVOS --against DAVIS --html lvos.html

        longtake describe masks/ --rate 30 --json masks.json

    """
    from longtake.cli.scores import check_files
    from longtake.evaluation.describe.describe import describe

    check_files(json=json, html=html)
    with every_problem(), progress("describing") as update:

        def report(done: int, count: int | None) -> None:
            update(done, count, "videos")

        found = [describe(data, split, attributes=attributes, rate=rate, workers=workers, report=report)]
        if against is not None:
            found.append(describe(against, workers=workers, report=report))
    show(found)
    if json is not None:
        from longtake.evaluation.describe.files import as_json
        from longtake.evaluation.report.files import write_json

        write_json(json, as_json(*found))
    if html is not None:
        from longtake.evaluation.describe.page import write_page

        write_page(html, *found)
    if written := [str(path) for path in (json, html) if path is not None]:
        typer.echo(f"written: {', '.join(written)}")


def show(each: Sequence["Description"]) -> None:
    """Table 1, and the attributes that are known."""
    from rich.markup import escape
    from rich.table import Table

    from longtake.cli.scores import for_tables, told
    from longtake.data.attributes import ATTRIBUTES
    from longtake.evaluation.attributes import sources
    from longtake.evaluation.describe.words import names, rows

    console = for_tables()
    for one in each:
        data = one.dataset
        typer.echo(f"{data.root} ({data.layout}, split {data.split})")
    table, labels = Table("statistics"), Table("attribute")
    for name in names(each):
        table.add_column(escape(name), justify="right", overflow="fold")
        labels.add_column(escape(name), justify="right", overflow="fold")
    for name, words in rows([one.statistics() for one in each]):
        table.add_row(name, *words)
    shares = [one.shares() for one in each]
    for code in dict.fromkeys([*ATTRIBUTES, *(code for own in shares for code in own)]):
        if any(code in own for own in shares):
            parts = [own.get(code) for own in shares]
            labels.add_row(told(code), *(f"{p.videos} of {p.known} videos" if p else "not known" for p in parts))
    console.print(table)
    if labels.row_count:
        console.print(labels)
    for name, one in zip(names(each), each, strict=True):
        for line in sources(one.labels):
            typer.echo(f"  - {f'{name}: ' if len(each) > 1 else ''}{line}")
