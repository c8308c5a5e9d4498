"""`longtake models`: what there is, what a checkpoint holds, and weights of other projects converted."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.errors import SettingError

app = typer.Typer(
    help="List models, show a checkpoint's card, convert weights of other projects.", no_args_is_help=True
)


@app.command("list")
def list_models(
    folder: Annotated[
        Path | None, typer.Option("--in", help="A folder whose checkpoints, those of its folders too, are listed.")
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only what products may use, and why they may not use the rest.")
    ] = False,
) -> None:
    """List checkpoints with their data, licences and figures, then every preset that has none.

    Presets of other packages stand with their package (docs/plugin.md).

    Products may use a checkpoint whose weights and data are all under licences that are known to allow it: Apache-2.0,
    MIT, BSD, ISC, CC0, CC BY, CDLA-Permissive, public domain. Whatever else a card says, or leaves unsaid, is a no.
    This is no legal advice.

    Examples:
        longtake models list

        longtake models list --in runs

        longtake models list --commercial

    """
    from longtake.cli.listed import left_out, told, told_preset
    from longtake.errors import CheckpointError
    from longtake.systems.checkpoint import Card, read_card
    from longtake.systems.licences import obstacles
    from longtake.systems.models import bundled
    from longtake.systems.plugins import packages
    from longtake.systems.zoo import names, shadowed

    if folder is not None and not folder.is_dir():
        raise SettingError(f"--in {folder}: no such folder")
    cards, unread = dict[str, Card](), list[str]()
    for name, path in bundled().items():
        cards[name] = read_card(path)
    for path in sorted(folder.rglob("*.safetensors")) if folder else ():
        try:
            cards[str(path)] = read_card(path)
        except CheckpointError as error:
            unread.append(str(error))
    refused = {name: found for name, card in cards.items() if commercial and (found := obstacles(card))}
    for name, card in cards.items():
        if name not in refused:
            typer.echo(told(name, card) + "\n")
    for name, found in refused.items():
        typer.echo(left_out(name, found) + "\n")
    if not commercial:
        typer.echo("presets without weights:")
        of = {card.preset for card in cards.values()}
        for name in names():
            if name not in of:
                typer.echo(told_preset(name))
    own = [f"preset {name} is longtake's own; that of the package {packages(name)} is not used" for name in shadowed()]
    for line in (*unread, *own):
        typer.echo(f"longtake: {line}", err=True)


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


@app.command("export")
def export(
    file: Annotated[str, typer.Argument(help="A checkpoint, or the name of a bundled model.")],
    out: Annotated[Path, typer.Option(help="A folder that is not there yet.")],
    size: Annotated[str, typer.Option(help="Height x width of the frames to be worked on.")] = "480x854",
    frames: Annotated[
        int | None, typer.Option(help="As how many frames memory is read; the model's own bound.")
    ] = None,
) -> None:
    """Export a stm or ddmemory model as ONNX files, a file for each of its parts, for frames of one size.

    Parts: see (a frame to features), recall (memory read and decoder), remember (masks to values), and for ddmemory
    present (a frame whose masks are given) and take_in (the global memory). The number of objects is free. model.json
    holds the card. `segment --backend onnx` does the same by itself and keeps the files.

    Examples:
        longtake models export stm-mobilenet-v2 --out graphs --size 480x854

    """
    from longtake.engine.runtime import runtime
    from longtake.export import onnx
    from longtake.memory.policy import slots_for
    from longtake.systems.models import load

    height, _, width = size.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise SettingError(f"--size {size}: height x width in pixels, as 480x854")
    if frames is not None and frames < 1:
        raise SettingError(f"--frames {frames}: at least 1")
    system, card = load(file)
    fitted = system.fit.place((int(height), int(width))).fitted
    slots = frames or slots_for(system.policy)
    onnx.export(runtime("cpu", "float32").ready(system), card, out, fitted, slots)
    typer.echo(f"{len(system.parts)} parts for frames of {fitted[1]}x{fitted[0]}, memory of {slots} frames: {out}")


@app.command("convert")
def convert(
    kind: Annotated[str, typer.Argument(help="Where the weights come from: stm-official, aot-official, liteflownet.")],
    file: Annotated[Path, typer.Argument(help="The weight file.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to write (.safetensors).")],
) -> None:
    """Convert weights that another project published. Pickles load in weights-only mode; every shape is checked.

    stm-official: the STM authors' weights, for stm-resnet50. aot-official: AOT-B of the AOT authors, for
    ddmemory-mobilenet-v2, whose global memory AOT lacks: it is new, and must be trained. liteflownet: the optical flow
    of Hui et al., in the names of its PyTorch ports; it is for research only, and keeping to that is your affair.

    Example:
        longtake models convert stm-official STM_weights.pth --out stm.safetensors
        longtake models convert aot-official AOTB_PRE_YTB_DAV.pth --out aot.safetensors
        longtake models convert liteflownet network-default.pytorch --out flow.safetensors

    """
    import dataclasses

    from longtake.systems import flow_weights as flow
    from longtake.systems.checkpoint import save_checkpoint
    from longtake.systems.ddmemory import weights as aot
    from longtake.systems.official import read_official
    from longtake.systems.stm import weights as stm
    from longtake.video.sinks import make_folder

    kinds = {"stm-official": stm.convert_official, "aot-official": aot.convert_official}
    if kind not in (*kinds, flow.LITEFLOWNET):
        known = " or ".join([*kinds, flow.LITEFLOWNET])
        raise SettingError(f"models convert {kind}: not a kind of weights; use {known}")
    if kind == flow.LITEFLOWNET:
        weights = flow.convert_liteflownet(read_official(file), str(file))
        make_folder(out.parent)
        flow.save_liteflownet(out, weights, f"converted from {file.name}")
        typer.echo(f"{len(weights)} tensors converted; {flow.LICENCE}: {out}")
        return
    found = kinds[kind](read_official(file), str(file))
    notes = [f"converted from {file.name}", *filter(None, [found.card.note])]
    make_folder(out.parent)
    save_checkpoint(out, found.weights, dataclasses.replace(found.card, note="; ".join(notes)))
    typer.echo("; ".join([f"{found.taken} tensors converted", *notes[1:]]) + f": {out}")
