"""`longtake study`: a paper's table by one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from longtake.cli import options
from longtake.cli.problems import every_problem
from longtake.cli.progress import progress
from longtake.cli.settings import model_settings

if TYPE_CHECKING:
    from longtake.evaluation.study import Study


def command(
    table: Annotated[str, typer.Argument(help="oracle, ablation or systems.")],
    out: Annotated[Path, typer.Option(help="Folder for the table and its runs.")],
    root: Annotated[Path | None, typer.Argument(help="The data set; synth and its like are made.")] = None,
    dataset: options.Dataset = "davis2017",
    split: options.Split = None,
    seed: options.Seed = 1,
    model: Annotated[
        list[str] | None, typer.Option(help="A bundled model or a checkpoint; several for the table of systems.")
    ] = None,
    set_: options.Switches = None,
    protocol: options.Protocol = None,
    unseen: options.Unseen = None,
    attributes: options.Attributes = None,
    memory: options.Memory = "auto",
    proposals: options.Proposals = None,
    size: options.Size = "480",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Make a table of the papers from a model of yours: every run it needs, then the table.

    oracle: the model alone, told the true boxes, told the true masks, told both (LVOS, table 5).

    ablation: the rows of the paper of the model's system, with a part switched off (DDMemory's banks, STM's memory
    policies, ...). Rows that need weights of their own are named and not run.

    systems: several models on one data set, with the kind of memory, speed and peak memory (LVOS, table 3); memories
    that grow also capped as in the paper (lvos:5:6).

    Runs that are complete and were made with the same settings are kept, so the same command goes on where it stopped.

    Examples:
        longtake study oracle --dataset synth-long --out runs/oracle

        longtake study ablation LVOS --dataset lvos --split valid --unseen unseen_videos.txt --out runs/ablation

        longtake study systems DAVIS --model default --model mine.safetensors --out runs/systems

    Results: table.json, table.csv, table.md and table.html in the folder, and runs/NAME of each run, as of benchmark.

    """
    settings = model_settings(set_ or [])
    from longtake.cli.segment import short_side
    from longtake.evaluation.report.table import write_table
    from longtake.evaluation.study import Setup, study

    setup = Setup(
        root=root,
        dataset=dataset,
        split=split,
        seed=seed,
        protocol=protocol,
        unseen=unseen,
        attributes=attributes,
        size=short_side(size),
        device=device,
        precision=precision,
        proposals=proposals,
    )
    with every_problem(), progress("segmenting") as update:
        found = study(table, out, model or ["default"], setup, settings=settings, memory=memory, report=update)
    write_table(out, found)
    _show(found)
    typer.echo(f"{out}/table.html")


def _show(study: "Study") -> None:
    """The table and its notes."""
    from longtake.cli.scores import for_tables
    from longtake.evaluation.report.table import cells, columns, remarks, written

    console = for_tables()
    names = columns(study)
    table = Table()
    for name in names:
        table.add_column(escape(name), no_wrap=name == "run")
    for outcome in study.outcomes:
        values = cells(study, outcome)
        table.add_row(*(escape(written(name, values[name])) for name in names))
    console.print(table)
    for remark in remarks(study):
        console.print(f"  - {remark}", highlight=False, markup=False, soft_wrap=True)
