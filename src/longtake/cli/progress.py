"""How far the work is: a bar on stderr where that is a terminal, else a line now and then."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

Update = Callable[[int, int | None, str], None]

EVERY = 10.0
"""Seconds between two lines, where stderr is no terminal; what is over before has none."""


class Pace:
    """How far it is, how long it took, and how long it takes on at the pace since the first update."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.first: tuple[float, int] | None = None
        self.done = 0
        self.total: int | None = None

    def update(self, done: int, total: int | None) -> None:
        """So much is done."""
        self.last, self.done, self.total = time.monotonic(), done, total
        self.first = self.first or (self.last, done)

    def __str__(self) -> str:
        """As `2/50  1:23 gone, 17:51 left`; what is not known is left out."""
        now = time.monotonic()
        counted = f"{self.done}{f'/{self.total}' if self.total else ''}  " if self.first else ""
        left = "" if (seconds := self._left(now)) is None else f", {clock(seconds)} left"
        return f"{counted}{clock(now - self.began)} gone{left}"

    def _left(self, now: float) -> float | None:
        if self.total is None or self.first is None or self.done <= self.first[1]:
            return None
        since, done = self.first
        return max(0.0, (self.total - self.done) * (self.last - since) / (self.done - done) - (now - self.last))


class PaceColumn(ProgressColumn):
    """A pace beside the bar."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        """As it is now."""
        return Text(str(self.pace))


def clock(seconds: float) -> str:
    """Minutes and seconds, hours where there are any."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


@contextlib.contextmanager
def progress(what: str, lines: float | None = None) -> Iterator[Update]:
    """Yields update(done, total, note); total None where it is not known.

    lines: seconds after which a line is written where there is no terminal; None: EVERY.
    """
    console, pace = Console(stderr=True), Pace()
    if not console.is_terminal:
        yield _in_lines(what, EVERY if lines is None else lines, pace, console)
        return
    columns = TextColumn("{task.description}"), BarColumn(24), PaceColumn(pace), TextColumn("{task.fields[note]}")
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, note="")

        def update(done: int, total: int | None, note: str) -> None:
            pace.update(done, total)
            bar.update(task, completed=done, total=total, note=note)

        yield update


def _in_lines(what: str, seconds: float, pace: Pace, console: Console) -> Update:
    """Writes a line now and then, for logs and pipes."""
    told = pace.began

    def update(done: int, total: int | None, note: str) -> None:
        nonlocal told
        pace.update(done, total)
        if pace.last - told >= seconds:
            told = pace.last
            line = f"{what}: {pace}{f', {note}' if note else ''}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    return update
