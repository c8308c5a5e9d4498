"""`longtake segment`: masks for every frame of a video."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from longtake.cli import options
from longtake.cli.progress import progress
from longtake.cli.rough import mask_maker, rough_prompts
from longtake.cli.settings import model_settings
from longtake.errors import SettingError

if TYPE_CHECKING:
    from longtake.video.latest import Drop


def command(
    source: Annotated[
        str,
        typer.Argument(
            help="A video file, a folder of images (any names, natural order), a camera's index, a stream's address."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    masks: Annotated[
        Path | None,
        typer.Option(help="A mask image for the first frame, or a folder of masks named like the frames or by number."),
    ] = None,
    box: options.Boxes = None,
    point: options.Points = None,
    background: options.BackgroundPoints = None,
    scribble: options.Scribbles = None,
    background_scribble: options.BackgroundScribbles = None,
    prompts: options.Prompts = None,
    sam: options.SamFiles = None,
    model: options.Model = "default",
    weights: options.Weights = None,
    set_: options.Switches = None,
    memory: options.Memory = "auto",
    proposals: options.Proposals = None,
    backend: Annotated[
        str, typer.Option(help="torch, or onnx: stm and ddmemory models run by onnxruntime, exported once per size.")
    ] = "torch",
    compile_: Annotated[
        bool,
        typer.Option("--compile", help="Compile stm and ddmemory models for this size: takes minutes first."),
    ] = False,
    size: options.Size = "480",
    start: Annotated[
        str | None, typer.Option(help="First frame: seconds, hh:mm:ss.s, or '#frame'. The mask image is for it.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Last frame: seconds, hh:mm:ss.s, or '#frame'.")] = None,
    save: options.Save = "overlay",
    forget: Annotated[
        str | None,
        typer.Option(
            help="Follow an object no longer once it was unseen for so long: seconds, hh:mm:ss.s, or '#frames'."
        ),
    ] = None,
    explain: Annotated[
        list[str] | None,
        typer.Option(
            help="Draw what the model looked at for this frame: seconds, hh:mm:ss.s, or '#frame'. May be repeated."
        ),
    ] = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    latency: Annotated[
        float | None,
        typer.Option(min=0, help="Of a camera or stream: frames that have waited longer, in seconds, are dropped."),
    ] = None,
    drop: Annotated[
        str, typer.Option(help="late: frames beyond --latency. waiting: all but the newest. See result/dropped.csv.")
    ] = "late",
    live: Annotated[
        bool | None, typer.Option(help="Show masks on a page while they are made; without a word, for cameras only.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on where the same command was stopped; what is done is not done again.")
    ] = False,
) -> None:
    """Follow objects through a video: masks of one frame in, masks of every frame out.

    A mask image has the size of the video and one value per object: palette, grey values 1, 2, ... or just 255, or
    any flat colours on black. Masks in a folder may come for any frame: objects that appear later, and corrections.

    Instead of a mask, or beside it, a box, points or scribbles may tell roughly where an object is: look at the mask
    that was made of them in result/prompts/FRAME.png. Colours alone make it (GrabCut), or your own Segment Anything
    model (--sam). Points and scribbles without a box correct the mask that is there. A prompts file has them for any
    `frame`, or `time` as --start has it:

        - {object: 1, box: [100, 80, 220, 300]}

        - {object: 2, frame: 40, points: [[340, 120]], background_points: [[350, 200]]}

        - {object: 1, time: "0:12", scribbles: [[[90, 80], [120, 160]]], background_scribbles: [[[10, 10], [60, 20]]]}

    Examples:
        longtake segment holiday.mp4 --masks first.png --out result

        longtake segment frames/ --masks masks/ --out result --save probabilities,overlay

        longtake segment holiday.mp4 --masks first.png --out result --save matte,coco,cvat

        longtake segment long.mp4 --masks at-1-10.png --start 1:10 --end 1:25.5 --out result

        longtake segment rtsp://camera/stream --masks first.png --out result --latency 0.5 --size 360 --live

        longtake segment holiday.mp4 --box 1=100,80,220,300 --point 2=340,120 --background 2=350,200 --out result

        longtake segment holiday.mp4 --prompts prompts.yaml --sam encoder.onnx,decoder.onnx --out result --forget 10

        longtake segment holiday.mp4 --masks first.png --out result --explain 0:12 --explain '#400'

        longtake segment holiday.mp4 --masks first.png --out result --resume

    Results: result/labels/FRAME.png (palette PNG, 16-bit beyond id 254), result/overlay.mp4 with the source's times and
    sound, result/frames.csv, result/run.json, result/probabilities/FRAME.npy, result/matte.mov (ProRes 4444 with alpha,
    soft where probabilities are saved, too), result/coco.json, ytvis.json, yolo/, cvat.xml (longtake export --help),
    result/prompts/FRAME.png (masks made of prompts),
    result/explain/FRAME/object-ID.png (the object in red, and where in each remembered frame it was looked for).

    """
    settings = model_settings(set_ or [])
    from longtake.systems.trained import check_weights
    from longtake.video.beforehand import check_inputs
    from longtake.video.spans import parse_mark, parse_span

    span = parse_span(start, end)
    if weights is not None:
        check_weights(weights)
    check_inputs(source, masks, span)
    from longtake.export.segment import segment

    rough = {"--box": box, "--point": point, "--background": background}
    rough |= {"--scribble": scribble, "--background-scribble": background_scribble}
    told, maker = rough_prompts(rough, prompts), mask_maker(sam)

    with progress("segmenting") as update:
        count = segment(
            source,
            masks,
            out,
            prompts=told,
            maker=maker,
            model=model,
            weights=weights,
            settings=settings,
            memory=memory,
            size=short_side(size),
            span=span,
            explain=explain or (),
            save=[kind.strip() for kind in save.split(",") if kind.strip()],
            device=device,
            precision=precision,
            proposals=proposals,
            forget=parse_mark(forget, "--forget") if forget else None,
            backend=backend,
            compiled=compile_,
            resume=resume,
            latency=latency,
            drop=known_drop(drop),
            live=source.isdigit() and not Path(source).exists() if live is None else live,
            report=lambda done, total: update(done, total, ""),
        )
    typer.echo(f"{count} frames: {out}{f', pictures in {out}/explain' if explain else ''}")
    _tell_licence(model, weights)


def _tell_licence(model: str, weights: Path | None) -> None:
    """Once for each checkpoint on a machine, whatever its licence asks."""
    from longtake.systems.checkpoint import read_card
    from longtake.systems.licences import first_told
    from longtake.systems.models import find

    path = weights or find(model)
    if first_told(path):
        typer.echo(
            f"longtake: licence of the weights {path.name}: {read_card(path).licence} (said once; the whole card: "
            f"longtake models show {path if weights or Path(model).is_file() else path.stem})",
            err=True,
        )


def known_drop(text: str) -> "Drop":
    """A word for what is dropped. Raises SettingError on any other."""
    if text not in ("late", "waiting"):
        raise SettingError(f"--drop {text}: use late or waiting")
    return cast("Drop", text)


def short_side(text: str) -> int | None:
    """Pixels, None for `native`. Raises SettingError on anything else."""
    if text == "native":
        return None
    if not text.isdigit() or int(text) < 16:
        raise SettingError(f"--size {text}: a number of pixels from 16 on, or native")
    return int(text)
