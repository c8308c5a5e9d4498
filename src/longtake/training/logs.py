"""What a run tells while it trains: losses.csv, log.jsonl and TensorBoard's files, without the steps that were lost."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from longtake.video.whole import whole

LOSSES, EVENTS, BOARD = "losses.csv", "log.jsonl", "tensorboard"


class Log:
    """Open files of a run folder. columns: what losses.csv has beside step, stage and seconds.

    done, validated: the last step that was saved, and the last whose validation was.
    """

    def __init__(self, out: Path, columns: Sequence[str], done: int, validated: int) -> None:
        self.columns = columns
        header = ",".join(("step", "stage", *columns, "seconds"))
        _keep(out / LOSSES, header, lambda line: int(line.split(",")[0]) <= done)
        kept = {"validation": validated}
        _keep(out / EVENTS, None, lambda line: (event := json.loads(line))["step"] <= kept.get(event["event"], done))
        self.table = (out / LOSSES).open("a", newline="")
        self.events = (out / EVENTS).open("a")
        # TensorBoard itself hides what was written from the purged step on
        self.board = SummaryWriter(str(out / BOARD), purge_step=done + 1, flush_secs=30)

    def step(self, step: int, stage: str, figures: Mapping[str, float], seconds: float) -> None:
        """The figures of a step, in all three places."""
        row = (step, stage, *(f"{figures[name]:.9g}" for name in self.columns), f"{seconds:.3f}")
        csv.writer(self.table, lineterminator="\n").writerow(row)
        self.table.flush()
        self.event(step, "step", {"stage": stage, **figures, "seconds": round(seconds, 3)}, "train")

    def event(self, step: int, kind: str, facts: Mapping[str, Any], board: str = "") -> None:
        """A line of log.jsonl; its numbers go to TensorBoard under the name of a board, where one is given."""
        self.events.write(json.dumps({"step": step, "event": kind, **facts}) + "\n")
        self.events.flush()
        for name, value in facts.items():
            if board and isinstance(value, float | int):
                self.board.add_scalar(f"{board}/{name}", value, step)

    def close(self) -> None:
        """Write out what is left."""
        for file in (self.table, self.events, self.board):
            file.close()


def _keep(path: Path, header: str | None, wanted: Callable[[str], bool]) -> None:
    """Keep the lines of a log that are wanted; what cannot be read, as a last line that was cut off, is dropped."""

    def stays(line: str) -> bool:
        try:
            return line.endswith("\n") and wanted(line)
        except (ValueError, KeyError, TypeError):
            return False

    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines[0 if header is None else 1 :] if stays(line)]
    with whole(path) as partial:
        partial.write_text("".join([f"{header}\n"] * (header is not None) + kept))
