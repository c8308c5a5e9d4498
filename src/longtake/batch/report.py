"""report.csv: a line per video, whole at any moment."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

from longtake.batch.work import Outcome
from longtake.video.sinks import output
from longtake.video.whole import whole

COLUMNS = ("name", "state", "frames", "seconds", "message")


@dataclass
class BatchReport:
    """What became of so many videos, in the order of their names."""

    path: Path
    names: Sequence[str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def add(self, *outcomes: Outcome) -> None:
        """Write the table anew with these lines, too. Raises OutputError."""
        self.outcomes |= {outcome.name: outcome for outcome in outcomes}
        rows = [astuple(self.outcomes[name])[: len(COLUMNS)] for name in self.names if name in self.outcomes]
        with output(self.path), whole(self.path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)

    def of(self, state: str) -> list[Outcome]:
        """Those in a state, in the order in which they ended."""
        return [outcome for outcome in self.outcomes.values() if outcome.state == state]
