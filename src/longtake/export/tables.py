"""frames.csv: a row per frame, with its exact time and, for each object, confidence and presence."""

import contextlib
import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from longtake.types import Prediction, VideoInfo
from longtake.video.sinks import Sink, output
from longtake.video.whole import whole

COLUMNS = ("index", "name", "seconds", "ticks", "time_base", "keyframe")


class FrameTable(Sink):
    """Rows go to a file of their own; the table appears at the end, also after an error, when all objects are known.

    passed: how many rows of a run that was stopped are to be gone on from. stays: asked at an end by an error, whether
    that file is left for this.

    ticks times time_base is the frame's exact time. confidence_ID: mean probability of the object's pixels, 0 to 1, not
    calibrated, empty where it has none. presence_ID: its pixels' share of the frame.
    """

    def __init__(self, path: Path, info: VideoInfo, passed: int = 0, stays: Callable[[], bool] = lambda: False) -> None:
        self.path, self.partial, self.info = path, path.with_name(f".{path.name}.rows"), info
        self.stays = stays
        self.ids: list[int] = []
        self.rows = passed
        self.file: IO[str] | None = None

    def __enter__(self) -> "FrameTable":
        with output(self.path):
            mode = "r+" if self.rows else "w+"
            self.file = self.partial.open(mode, newline="", encoding="utf-8", errors="surrogateescape")
            lines = csv.reader(iter(self.file.readline, ""))
            for _ in range(self.rows):
                self._meet([int(name) for name in next(lines, [])[len(COLUMNS) :: 3]])
            self.file.seek(self.file.tell())
            self.file.truncate()
        return self

    def _meet(self, ids: Iterable[int]) -> None:
        self.ids += [name for name in ids if name not in self.ids]

    def write(self, prediction: Prediction) -> None:
        frame = prediction.frame
        self._meet(prediction.ids)
        row = [frame.index, frame.name, f"{float(frame.seconds):.6f}", frame.seconds / self.info.time_base]
        figures = object_figures(prediction)
        cells = [cell for name, pair in figures.items() for cell in (name, *pair)]
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
        """All rows, a pair of columns for each object."""
        assert self.file is not None
        names = [f"{what}_{name}" for name in self.ids for what in ("confidence", "presence")]
        columns = [*COLUMNS, *names]
        self.file.seek(0)
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as table:
            lines = csv.writer(table, lineterminator="\n")
            lines.writerow(columns)
            for row in csv.reader(self.file):
                facts, figures = row[: len(COLUMNS)], row[len(COLUMNS) :]
                pairs = dict(zip(figures[::3], zip(figures[1::3], figures[2::3], strict=True), strict=True))
                lines.writerow([*facts, *(cell for name in self.ids for cell in pairs.get(str(name), ("", "")))])


def object_figures(prediction: Prediction) -> dict[int, tuple[str, str]]:
    """Confidence and presence of each object, as they are written."""
    labels = prediction.labels.reshape(-1)
    size = int(labels.max(initial=0)) + 1
    pixels = np.bincount(labels, minlength=size)
    sums = np.bincount(labels, prediction.certainty.reshape(-1), minlength=size)
    figures = {}
    for name in prediction.ids:
        count = int(pixels[name]) if name < size else 0
        figures[name] = (f"{sums[name] / count:.4f}" if count else "", f"{count / labels.size:.6f}")
    return figures
