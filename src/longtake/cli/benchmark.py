"""`longtake benchmark`: a model on a data set, scored, with its speed and memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longtake.cli import options
from longtake.cli.problems import every_problem
from longtake.cli.progress import progress
from longtake.cli.settings import model_settings

if TYPE_CHECKING:
    from longtake.evaluation.benchmark import Benchmark


def command(
    out: Annotated[Path, typer.Option(help="Folder for predictions and results.")],
    root: Annotated[
        Path | None, typer.Argument(help="The data set; synth, synth-long and longtake-synth are rendered.")
    ] = None,
    dataset: options.Dataset = "davis2017",
    split: options.Split = None,
    seed: options.Seed = 1,
    model: options.Model = "default",
    weights: options.Weights = None,
    set_: options.Switches = None,
    oracle: Annotated[str | None, typer.Option(help="What the model is told of the truth: box, mask, or both.")] = None,
    protocol: options.Protocol = None,
    unseen: options.Unseen = None,
    attributes: options.Attributes = None,
    memory: options.Memory = "auto",
    proposals: options.Proposals = None,
    size: options.Size = "480",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Segment every video of a data set from its first masks, score it, and measure speed and memory.

    Frames per second are the model's own: reading, writing and the first frame of each video are left out. Data sets
    with first masks alone (test splits) are segmented and not scored; pack them with: longtake export.

    An oracle tells how much better the model would be with a part of the truth (LVOS paper, table 5): box keeps each
    object within its true box, mask lets memory hold the true masks.

    Examples:
        longtake benchmark --dataset synth --out runs/synth

        longtake benchmark --dataset longtake-synth --seed 2 --out runs/long

        longtake benchmark DAVIS --dataset davis2017 --split val --out runs/davis

        longtake benchmark DAVIS --split val --out runs/davis --attributes computed

        longtake benchmark LVOS --dataset lvos --split valid --unseen unseen_videos.txt --out runs/lvos --oracle box

    Results: predictions/VIDEO/FRAME.png, scores.json, scores.csv, report.html and run.json in the folder.

    """
    settings = model_settings(set_ or [])
    from longtake.cli.segment import short_side
    from longtake.evaluation.benchmark import benchmark

    with every_problem(), progress("segmenting") as update:
        result = benchmark(
            root,
            out,
            dataset=dataset,
            split=split,
            seed=seed,
            protocol=protocol,
            unseen=unseen,
            attributes=attributes,
            model=model,
            weights=weights,
            settings=settings,
            memory=memory,
            size=short_side(size),
            oracle=oracle,
            device=device,
            precision=precision,
            proposals=proposals,
            report=update,
        )
    _show(result)


def _show(result: "Benchmark") -> None:
    """Scores, speed and memory, and where the rest is."""
    from longtake.cli.scores import show
    from longtake.evaluation.benchmark import PAGE
    from longtake.evaluation.speed import HOW

    if result.evaluation is not None:
        show(result.evaluation)
    if result.rate is not None:
        typer.echo(f"{result.rate:.2f} frames per second ({HOW})")
    if result.memory is not None:
        typer.echo(f"peak memory {result.memory[0] / 1e6:.0f} MB ({result.memory[1]})")
    scored = PAGE if result.evaluation is not None else "predictions/ (first masks alone, so nothing was scored)"
    typer.echo(f"{result.frames} frames: {result.out}/{scored}")
