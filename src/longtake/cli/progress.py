"""A progress bar with the time left, on stderr where that is a terminal."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Update = Callable[[int, int | None, str], None]


@contextlib.contextmanager
def progress(what: str, lines: float | None = None) -> Iterator[Update]:
    """Yields update(done, total, note); total None where it is not known.

    lines: seconds after which a line is written instead, where there is no terminal; None writes none.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(stderr=True)
    if not console.is_terminal and lines is not None:
        yield _in_lines(what, lines, console)
        return
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, note="")

        def update(done: int, total: int | None, note: str) -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield update


def _in_lines(what: str, seconds: float, console: Console) -> Update:
    """Writes a line now and then, for logs: how far it is, and how long it takes on at this pace."""
    began = told = time.monotonic()
    first: int | None = None

    def update(done: int, total: int | None, note: str) -> None:
        nonlocal told, first
        now, first = time.monotonic(), done if first is None else first
        if now - told < seconds:
            return
        told = now
        left = (
            ""
            if total is None or done == first
            else f", {(total - done) * (now - began) / (done - first) / 60:.0f} min left"
        )
        console.print(f"{what}: {done} of {total or '?'}, {note}{left}", highlight=False, soft_wrap=True)

    return update
