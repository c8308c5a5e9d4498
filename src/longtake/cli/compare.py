"""`longtake compare`: finished runs side by side."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from longtake.evaluation.compare import Comparison
    from longtake.evaluation.evaluate import Difference


def command(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of finished benchmarks, or scores.json files; the first is the base.")
    ],
    html: Annotated[Path | None, typer.Option(help="Write a page to look at: intervals, plots, objects.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row per object, a column per run, to this file.")] = None,
) -> None:
    """Compare finished runs of the same data and protocol; nothing is segmented or scored again.

    Tells figures with paired bootstrap intervals of their differences from the first run, speed and memory, figures by
    attribute where a data set has attributes, the objects that differ most, and how far J goes with F, and J&F with V.

    Examples:
        longtake compare runs/a runs/b

        longtake compare runs/a runs/b/scores.json --html page.html --json page.json

    """
    from longtake.cli.scores import check_files
    from longtake.evaluation.compare import compare
    from longtake.evaluation.report import comparison as report

    check_files(html=html, json=json, csv=csv)
    found = compare(runs)
    _show(found)
    for path, write in ((html, report.write_page), (json, report.write_json), (csv, report.write_csv)):
        if path is not None:
            write(path, found)
    if written := [str(path) for path in (html, json, csv) if path is not None]:
        typer.echo(f"written: {', '.join(written)}")


def _show(comparison: "Comparison") -> None:
    """Figures, differences, and the objects that differ most."""
    from longtake.cli.scores import for_tables, number
    from longtake.evaluation.correlation import correlations
    from longtake.evaluation.report.comparison import extremes

    console = for_tables()

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    first = comparison.runs[0]
    say(f"{comparison.protocol.name}, {len(first.result.objects)} objects")
    table = Table("all objects", *(escape(run.result.name) for run in comparison.runs))
    for name in first.result.totals:
        table.add_row(name, *(number(run.result.totals[name]) for run in comparison.runs))
    table.add_row("frames per second", *("" if run.speed is None else f"{run.speed:.2f}" for run in comparison.runs))
    table.add_row(
        "peak memory", *("" if run.memory is None else f"{run.memory / 1e6:.0f} MB" for run in comparison.runs)
    )
    for pair in correlations(first.result.objects):
        values = (correlations(run.result.objects)[pair] for run in comparison.runs)
        table.add_row(f"r of {pair.replace(', ', ' and ')}", *("" if math.isnan(r) else f"{r:+.2f}" for r in values))
    for code in comparison.attributes:
        table.add_row(f"J&F, {code}", *(number(run.by_attribute[code]["J&F"]) for run in comparison.runs))
    console.print(table)
    for run, each in zip(comparison.runs[1:], comparison.differences, strict=True):
        say(
            f"{each.name} against {first.result.name}: J&F {each.figures['J&F']:+.4f} ({_span(each)}); "
            f"{each.better} objects better, {each.worse} worse"
        )
        for kind, changes in extremes(comparison, run).items():
            if changes:
                say(f"  most {kind}: " + ", ".join(f"{change.ours.name} {change.gain:+.3f}" for change in changes))
    for note in comparison.notes:
        say(f"  note: {note}")


def _span(each: "Difference") -> str:
    """The interval of a difference in J&F, in words."""
    from longtake.evaluation.bootstrap import LEVEL

    if "J&F" not in each.intervals:
        return "no interval: too few videos"
    low, high = each.intervals["J&F"]
    return f"{LEVEL} % interval {low:+.4f} to {high:+.4f}, paired"
