"""`longtake models`: what there is, what a checkpoint holds, and weights of other projects converted."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.errors import SettingError

app = typer.Typer(
    help="List models, show a checkpoint's card, convert weights of other projects.", no_args_is_help=True
)


@app.command("list")
def list_models() -> None:
    """List every preset, and the weights that come with longtake.

    Example:
        longtake models list

    """
    from rich.console import Console
    from rich.table import Table

    from longtake.systems.checkpoint import read_card
    from longtake.systems.models import bundled
    from longtake.systems.zoo import ZOO

    table = Table("preset", "parameters", "weights", "J", "F", "licence of the weights")
    cards = [read_card(path) for path in bundled().values()]
    for name, preset in ZOO.items():
        size = sum(parameter.numel() for parameter in preset.build().parameters()) / 1e6
        own = [card for card in cards if card.preset == name]
        figures = own[0].figures if own else {}
        scores = [f"{figures[key]:.3f}" if key in figures else "" for key in ("J", "F")]
        table.add_row(name, f"{size:.1f} M", "bundled" if own else "", *scores, own[0].licence if own else "")
    Console().print(table)


@app.command("show")
def show(file: Annotated[str, typer.Argument(help="A checkpoint, or the name of a bundled model.")]) -> None:
    """Show a checkpoint's card: preset, data and their licences, figures.

    Example:
        longtake models show stm-mobilenet-v2

    """
    import dataclasses

    import yaml

    from longtake.systems.checkpoint import read_card
    from longtake.systems.models import find

    path = find(file)
    card = {key: value for key, value in dataclasses.asdict(read_card(path)).items() if value not in ("", {})}
    typer.echo(yaml.safe_dump({"file": str(path), **card}, sort_keys=False, allow_unicode=True, width=100).rstrip())


@app.command("convert")
def convert(
    kind: Annotated[str, typer.Argument(help="Where the weights come from: stm-official.")],
    file: Annotated[Path, typer.Argument(help="The weight file.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to write (.safetensors).")],
) -> None:
    """Convert weights that another project published. Pickles load in weights-only mode; every shape is checked.

    Example:
        longtake models convert stm-official STM_weights.pth --out stm.safetensors

    """
    from longtake.systems.checkpoint import Card, save_checkpoint
    from longtake.systems.stm.weights import LICENCE, convert_official, read_official
    from longtake.video.sinks import make_folder

    if kind != "stm-official":
        raise SettingError(f"models convert {kind}: not a kind of weights; use stm-official")
    weights = convert_official(read_official(file), str(file))
    make_folder(out.parent)
    save_checkpoint(out, weights, Card("stm-resnet50", licence=LICENCE, note=f"converted from {file.name}"))
    typer.echo(f"{len(weights)} tensors: {out}")
