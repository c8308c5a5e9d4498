"""What a project knows besides masks: its videos, how they were left, and who spent how long on what; in SQLite.

The masks and their edits lie in the same file (`longtake.engine.history`); the views `mask` and `object` show them to
whoever opens it with another program.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtake.annotate.effort import Event
from longtake.engine.database import connect, transaction
from longtake.engine.history import TABLES

MORE = """
CREATE TABLE IF NOT EXISTS video (
    video INTEGER PRIMARY KEY, name TEXT, path TEXT, frames INTEGER, width INTEGER, height INTEGER, rate REAL,
    seconds REAL, settings TEXT, place TEXT, reference INTEGER, annotator TEXT, sample TEXT);
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, made TEXT DEFAULT CURRENT_TIMESTAMP, video INTEGER, frame INTEGER, object INTEGER,
    step INTEGER, annotator TEXT, tool TEXT, seconds REAL, strokes INTEGER);
CREATE INDEX IF NOT EXISTS events ON event (video);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS mask AS
    SELECT layer.video, layer.number AS frame, CAST(each.key AS INTEGER) AS object,
        CASE WHEN lock.number IS NULL THEN json_extract(each.value, '$[0]') ELSE 'accepted' END AS origin,
        json_extract(each.value, '$[1]') AS confidence, json_extract(layer.value, '$.masks') || '.png' AS file
    FROM value AS layer JOIN json_each(layer.value, '$.objects') AS each
        LEFT JOIN value AS lock ON lock.video = layer.video AND lock.kind = 'accepted' AND lock.number = layer.number
    WHERE layer.kind = 'layer';
CREATE VIEW IF NOT EXISTS object AS
    SELECT video, number AS object, json_extract(value, '$.name') AS name,
        json_extract(value, '$.category') AS category, json_extract(value, '$.colour') AS colour,
        json_extract(value, '$.description') AS description
    FROM value WHERE kind = 'object'
"""


@dataclass(frozen=True)
class Check:
    """What a quality check compares with, who made it, and the frames to be annotated again."""

    reference: int
    annotator: str
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Facts:
    """What is to be known of a video without opening it."""

    frames: int
    width: int
    height: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class Entry:
    """A video of the project; path: of its file or folder, relative to the project where it lies there."""

    video: int
    name: str
    path: str
    facts: Facts
    check: Check | None = None


class Store:
    """The project's file; threads may share it. Raises SettingError, OutputError as `connect` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._base, self._lock = connect(path, f"{TABLES};{MORE}"), threading.RLock()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def videos(self) -> list[Entry]:
        """All videos, in the order in which they came."""
        query = (
            "SELECT video, name, path, frames, width, height, rate, seconds, reference, annotator, sample FROM video "
            "ORDER BY video"
        )
        return [
            Entry(video, name, path, Facts(*facts), Check(against, who, tuple(json.loads(sample))) if against else None)
            for video, name, path, *facts, against, who, sample in self._rows(query)
        ]

    def add(self, name: str, path: str, facts: Facts, settings: Any, check: Check | None = None) -> int:
        """A new video; returns its number."""
        values = (name, path, facts.frames, facts.width, facts.height, facts.rate, facts.seconds, json.dumps(settings))
        more = (check.reference, check.annotator, json.dumps(check.frames)) if check else (None, None, None)
        places = ", ".join("?" * (len(values) + len(more)))
        return self._write(
            "INSERT INTO video (name, path, frames, width, height, rate, seconds, settings, reference, annotator, "
            f"sample) VALUES ({places})",
            *values,
            *more,
        )

    def get(self, video: int, what: str) -> Any:
        """The `settings` or the `place` of a video."""
        found = self._rows(f"SELECT {what} FROM video WHERE video = ?", video)
        return json.loads(found[0][0]) if found and found[0][0] else None

    def set(self, video: int, what: str, value: Any) -> None:
        """Keep the `settings` or the `place` of a video."""
        self._write(f"UPDATE video SET {what} = ? WHERE video = ?", json.dumps(value), video)

    def fact(self, name: str) -> Any:
        """Something about the project; None where nobody said."""
        found = self._rows("SELECT value FROM fact WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def set_fact(self, name: str, value: Any) -> None:
        """Say something about the project."""
        self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, json.dumps(value))

    def log(self, video: int, event: Event, tool: str) -> None:
        """Note what somebody spent on a frame."""
        self._write(
            "INSERT INTO event (video, frame, object, step, annotator, tool, seconds, strokes) VALUES "
            "(?, ?, ?, ?, ?, ?, ?, ?)",
            *(video, event.frame, event.object, event.step, event.annotator, tool, event.seconds, event.strokes),
        )

    def events(self, video: int) -> list[Event]:
        """All that was spent on a video, in order."""
        query = "SELECT frame, object, step, annotator, seconds, strokes FROM event WHERE video = ? ORDER BY number"
        return [Event(*row) for row in self._rows(query, video)]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._base.execute(query, values).fetchall()

    def _write(self, query: str, *values: Any) -> int:
        with self._lock, transaction(self._base):
            return int(self._base.execute(query, values).lastrowid or 0)
