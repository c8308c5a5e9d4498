"""`longtake train`: a model from a recipe and folders of data."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from longtake.cli.problems import every_problem
from longtake.cli.progress import progress
from longtake.cli.settings import parse_settings
from longtake.errors import MissingExtraError, SettingError, StoppedError


def command(
    recipe: Annotated[str | None, typer.Argument(help="A shipped recipe (see --list) or a YAML file.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Data sets, photographs with masks, cut-outs, videos or frames with masks of your own, exports of "
            "COCO, YouTube-VIS, CVAT and YOLO; one or several, told apart by looking."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting of the recipe, KEY=VALUE.")] = None,
    stages: Annotated[
        str, typer.Option(help="pretrain, main, finetune, or both for all that the recipe has.")
    ] = "both",
    validate: Annotated[
        Path | None, typer.Option(help="The data set to validate on; without it, the one of --data that has the split.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="With --resume: go on with other code, packages or data.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped recipes.")] = False,
) -> None:
    """Train a model. Stopping (Ctrl-C) and resuming leaves no trace in the losses.

    Examples:
        longtake train --list

        longtake train stm-mobilenet-v2-procedural --out runs/a    (renders its clips: no data needed)

        longtake train stm-mobilenet-v2 --data davis2016 stills/people --out runs/b --set backbone=mobilenet_v2.pth

        longtake train dtmnet-compact --data davis2016 stills/people --out runs/d --set backbone=mobilenet_v2.pth

        longtake train stm-paper --stages main --data youtube-vos --out runs/e --set start=pretrained.safetensors

        longtake train finetune --data mine --out runs/mine    (from the bundled model; see docs/finetune.md)

        longtake train --resume runs/b

        torchrun --nproc-per-node 2 -m longtake train stm-mobilenet-v2 --data davis2016 --out runs/c

    The run's folder gets recipe.json (all settings), run.json (commit, versions, data), manifest.csv, losses.csv,
    log.jsonl, tensorboard/, pictures/, checkpoint.pt, best.safetensors (where there is something to validate on) and,
    at the end, model.safetensors. A batch is shared out among processes, so their number changes no result.

    """
    if list_:
        _list()
    elif resume is not None:
        if recipe or data or out or set_ or validate or stages != "both":
            raise SettingError("--resume goes on with a run as it was: give it alone, or with --accept-changes")
        _run(lambda runs: runs.resume(resume, accept_changes))
    elif recipe is None or out is None:
        raise SettingError("train needs a RECIPE and --out (or --resume RUN, or --list); see train --help")
    elif accept_changes:
        raise SettingError("--accept-changes goes with --resume; a new run has nothing to compare with")
    else:
        from longtake.training.folder import Job
        from longtake.training.parse import load_recipe

        job = Job(load_recipe(recipe, parse_settings(set_ or []), stages), tuple(data or ()), validate)
        _run(lambda runs: runs.start(job, out))


def _list() -> None:
    from longtake.training.parse import kind_of, recipe_names

    for kind, recipes in itertools.groupby(recipe_names().items(), lambda each: kind_of(each[0])):
        typer.secho(f"{kind}:", bold=True)
        for name, said in recipes:
            typer.echo(f"  {name}\n      {said}")


def _run(begin: Callable[[Any], Any]) -> None:
    """Train, and tell the way; begin gets the module `longtake.training.runs` and gives the run."""
    try:
        from longtake.training import folder, runs
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "train") from error
    with every_problem():
        run = begin(runs)
    if not run.main:
        run.run()
        return
    try:
        with progress("training", lines=60) as update:
            run.run(update)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped after step {run.done}; go on with: longtake train --resume {run.out}") from None
    typer.echo(f"{run.done} steps: {run.out / folder.MODEL}")
    if run.validator is not None:
        typer.echo(f"best at validation ({run.validator.how.figure} {run.best:.3f}): {run.out / folder.BEST}")
