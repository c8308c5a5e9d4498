"""frames.csv: a row per frame, with its exact time and, for each object, confidence and presence."""

import contextlib
import csv
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from longtake.engine.confidence import confidence
from longtake.engine.presence import Watch
from longtake.systems.calibration import UNCALIBRATED, Calibration
from longtake.types import Frame, Prediction, VideoInfo
from longtake.video.sinks import Sink, output
from longtake.video.whole import whole

COLUMNS = ("index", "name", "seconds", "ticks", "time_base", "keyframe")

FIGURES = ("confidence", "presence", "area")
"""What is told of each object, as FIGURE_ID."""

CELLS = 1 + len(FIGURES)
"""Of an object in a row that waits for the table: its id first."""


class FrameTable(Sink):
    """Rows go to a file of their own; the table appears at the end, also after an error, when all objects are known.

    passed: how many rows of a run that was stopped are to be gone on from. stays: asked at an end by an error, whether
    that file is left for this.

    ticks times time_base is the frame's exact time. confidence_ID: how well the object's mask is expected to fit
    (region similarity J, 0 to 1), empty where it has no pixel. presence_ID: visible, hidden, gone, or returned, see
    `engine/presence`. area_ID: its pixels' share of the frame. calibration: from a score of certainty to J.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        passed: int = 0,
        stays: Callable[[], bool] = lambda: False,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        self.path, self.partial, self.info = path, path.with_name(f".{path.name}.rows"), info
        self.stays, self.calibration, self.watch = stays, calibration, Watch()
        self.ids: list[int] = []
        self.rows = passed
        self.file: IO[str] | None = None

    def __enter__(self) -> "FrameTable":
        with output(self.path):
            mode = "r+" if self.rows else "w+"
            self.file = self.partial.open(mode, newline="", encoding="utf-8", errors="surrogateescape")
            lines = csv.reader(iter(self.file.readline, ""))
            for _ in range(self.rows):
                row = next(lines)
                objects = _figures(row)
                self._meet(int(name) for name in objects)
                seconds = Fraction(row[3]) * Fraction(row[4])
                self.watch.look(seconds, {int(name): float(cells[2]) > 0 for name, cells in objects.items()})
            self.file.seek(self.file.tell())
            self.file.truncate()
        return self

    def _meet(self, ids: Iterable[int]) -> None:
        self.ids += [name for name in ids if name not in self.ids]

    def write(self, prediction: Prediction) -> None:
        frame = prediction.frame
        self._meet(prediction.ids)
        row = [frame.index, frame.name, f"{float(frame.seconds):.6f}", frame.seconds / self.info.time_base]
        pixels = np.bincount(prediction.labels.reshape(-1), minlength=max(prediction.ids, default=0) + 1)
        presence = self.watch.look(frame.seconds, {name: bool(pixels[name]) for name in prediction.ids})
        cells = list[Any]()
        known = confidence(prediction.labels, prediction.certainty, prediction.ids, self.calibration)
        for name, value in known.items():
            shown = "" if value is None else f"{value:.4f}"
            cells += [name, shown, presence[name], f"{pixels[name] / prediction.labels.size:.6f}"]
        with output(self.path):
            assert self.file is not None
            line = csv.writer(self.file, lineterminator="\n")
            line.writerow([*row, self.info.time_base, int(frame.keyframe), *cells])
            self.file.flush()
        self.rows += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.file is not None
        try:
            if self.rows or kind is None:  # a run that never began leaves the table of an earlier one
                with output(self.path), whole(self.path) as table:
                    self._copy(table)
        finally:
            with contextlib.suppress(OSError):
                self.file.close()
                if kind is None or not self.stays():
                    self.partial.unlink(missing_ok=True)

    def _copy(self, path: Path) -> None:
        """All rows, the same columns for each object."""
        assert self.file is not None
        columns = [*COLUMNS, *(f"{what}_{name}" for name in self.ids for what in FIGURES)]
        self.file.seek(0)
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as table:
            lines = csv.writer(table, lineterminator="\n")
            lines.writerow(columns)
            for row in csv.reader(self.file):
                figures, none = _figures(row), [""] * len(FIGURES)
                cells = [cell for name in self.ids for cell in figures.get(str(name), none)]
                lines.writerow([*row[: len(COLUMNS)], *cells])


class DroppedTable:
    """dropped.csv: a row for each frame that was dropped, written as it happens; there only where there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[str] | None = None

    def __enter__(self) -> "DroppedTable":
        self.path.unlink(missing_ok=True)
        return self

    def add(self, frame: Frame) -> None:
        """One frame. Raises OutputError."""
        with output(self.path):
            if self.file is None:
                self.file = self.path.open("w", encoding="utf-8")
                self.file.write("index,seconds\n")
            self.file.write(f"{frame.index},{float(frame.seconds):.6f}\n")
            self.file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.file is not None:
            self.file.close()


def _figures(row: Sequence[str]) -> dict[str, Sequence[str]]:
    """By id what a waiting row tells of each object."""
    cells = row[len(COLUMNS) :]
    return {cells[at]: cells[at + 1 : at + CELLS] for at in range(0, len(cells), CELLS)}
