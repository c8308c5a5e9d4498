"""`longtake train`: a model from a recipe and folders of data."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.cli.progress import progress
from longtake.cli.settings import parse_settings
from longtake.errors import MissingExtraError, SettingError


def command(
    recipe: Annotated[str | None, typer.Argument(help="A shipped recipe (see --list) or a YAML file.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="A data set in DAVIS layout, a folder with images/ and masks/, or one of cut-outs; one or several."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting of the recipe, KEY=VALUE.")] = None,
    stages: Annotated[
        str, typer.Option(help="pretrain, main, finetune, or both for all that the recipe has.")
    ] = "both",
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped recipes.")] = False,
) -> None:
    """Train a model. Stopping and resuming leaves no trace in the losses.

    Examples:
        longtake train --list

        longtake train stm-mobilenet-v2 --data davis2016 stills/people --out runs/a --set backbone=mobilenet_v2.pth

        longtake train --resume runs/a

    The run's folder gets recipe.json, losses.csv, checkpoint.pt and, at the end, model.safetensors.

    """
    from longtake.training.recipe import load_recipe, recipe_names

    if list_:
        typer.echo("\n".join(recipe_names()))
        return
    try:
        from longtake.training import loop
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "train") from error
    if resume is not None:
        if recipe or data or out or set_:
            raise SettingError("--resume goes on with a run as it was: leave out RECIPE, --data, --out and --set")
        run = loop.resume(resume)
    elif recipe is None or not data or out is None:
        raise SettingError("train needs a RECIPE, --data and --out (or --resume RUN, or --list); see train --help")
    else:
        run = loop.start(load_recipe(recipe, parse_settings(set_ or []), stages), data, out)
    with progress("training") as update:
        run.run(lambda done, steps, loss: update(done, steps, f"loss {loss:.3f}"))
    typer.echo(f"{run.done} steps: {run.out / loop.MODEL}")
