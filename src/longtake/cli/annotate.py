"""`longtake annotate`: a page in the browser, on which masks of videos are made and corrected."""

import contextlib
import math
import secrets
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from longtake.cli import options
from longtake.cli.segment import short_side
from longtake.cli.settings import model_settings
from longtake.errors import MissingExtraError, SettingError


def command(
    project: Annotated[Path, typer.Argument(help="Folder that holds everything; made where it is missing.")],
    source: Annotated[
        list[str] | None,
        typer.Option(help="A video file or a folder of images to add; several may follow. The page adds some, too."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="For the new source: a mask image of its first frame, or a folder of masks named like the frames or "
            "by number."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Of the page's address; 0 takes any. Without it 8765, or the next free."),
    ] = None,
    model: options.Model = "default",
    weights: options.Weights = None,
    set_: options.Switches = None,
    memory: options.Memory = "auto",
    size: options.Size = "480",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    coarse_rate: Annotated[
        float | None, typer.Option(help="Frames per second that are corrected first (1 in a new project).")
    ] = None,
    fine_rate: Annotated[
        str | None, typer.Option(help="Frames per second of the second round (6 in a new project), or `all`.")
    ] = None,
    annotator: Annotated[
        str | None, typer.Option(help="Who annotates, for the log of effort and the checks of quality.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Show the page in the browser as soon as it is there.")
    ] = False,
) -> None:
    """Annotate videos on a page in the browser: the model follows, you correct where it is in doubt.

    1. Give an object a mask on one frame, by hand or as --masks; the model follows it at 1 frame per second.

    2. Correct the most doubtful frames, which come first, and accept what is right.

    3. The model follows between the accepted frames, from both sides, at 6 frames per second or at every frame.

    4. Correct again; then export labels, overlays, COCO, YouTube-VIS, CVAT, YOLO or the layout of LVOS.

    The page is for this machine alone: open the address that is printed, which holds a token. Every edit is in PROJECT
    when it is made; Ctrl-C ends the command, and the same command goes on where it was left. On another machine, run it
    there and forward the port (ssh -L 8765:127.0.0.1:8765 HOST).

    Examples:
        longtake annotate project --source holiday.mp4

        longtake annotate project

        longtake annotate project --source holiday.mp4 --masks first.png --fine-rate all

        longtake annotate project --source clips/*.mp4 --annotator Ada --port 9000 --open

        longtake annotate project --model stm-resnet50.safetensors --device cuda --memory newest:8

    """
    settings, side, rates = model_settings(set_ or []), short_side(size), given_rates(coarse_rate, fine_rate)
    if masks is not None and len(source or []) != 1:
        raise SettingError("--masks: goes with one --source, the video that they are of")
    try:
        from longtake.annotate.app import build
        from longtake.annotate.serve import address_of, listen, one_heap, serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "web") from error
    from longtake.annotate.editors import Editors
    from longtake.annotate.lock import locked
    from longtake.annotate.news import News
    from longtake.annotate.project import Project

    def ready(address: str) -> None:
        typer.echo(address)
        typer.echo(f"Ctrl-C ends it; every edit is in {project} as soon as it is made", err=True)
        if open_:
            webbrowser.open(address)

    def stop() -> None:
        news.close()
        opened.stop()

    one_heap()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen(port)))
        stack.enter_context(locked(project, address_of(listener)))
        editors = Editors(model, weights, settings, memory, side, device, precision)
        if editors != Editors():
            editors.load()  # so that what cannot be is told at once
        opened = stack.enter_context(contextlib.closing(Project(project, editors, annotator=annotator)))
        for video in source or []:
            opened.add(video, masks, **rates)
        news = News()
        serve(build(opened, news), listener, secrets.token_urlsafe(32), ready, stop, opened.room)


def given_rates(coarse: float | None, fine: str | None) -> dict[str, float | None]:
    """The rates that were given, by name; a `fine_rate` of None is every frame. Raises SettingError on what is none."""
    rates: dict[str, float | None] = {}
    if coarse is not None:
        rates["coarse_rate"] = coarse
    if fine is not None:
        try:
            rates["fine_rate"] = None if fine == "all" else float(fine)
        except ValueError as error:
            raise SettingError(f"--fine-rate {fine}: a number of frames per second, or all") from error
    for name, rate in rates.items():
        if rate is not None and not 0 < rate < math.inf:
            raise SettingError(f"--{name.replace('_', '-')} {rate:g}: a number of frames per second above 0")
    return rates
