"""Values that change by edits, each of which can be taken back and done again; an SQLite file holds them.

What lies behind a value is never changed, only referred to, so an undone edit costs nothing and loses nothing.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longtake.engine.database import connect, transaction
from longtake.errors import SettingError

Key = tuple[str, int]
"""What kind of thing, and its number: ("layer", 12) is what stands on frame 12."""

TABLES = """
CREATE TABLE IF NOT EXISTS value (
    video INTEGER, kind TEXT, number INTEGER, value TEXT, PRIMARY KEY (video, kind, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, video INTEGER, name TEXT, undone INTEGER DEFAULT 0,
    made TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS change (
    edit INTEGER, kind TEXT, number INTEGER, before TEXT, after TEXT, PRIMARY KEY (edit, kind, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS touched ON change (kind, number, edit);
CREATE INDEX IF NOT EXISTS edits ON edit (video, undone)
"""


@dataclass
class Edit:
    """A step to take back: its name, and the keys that it has changed."""

    name: str
    number: int
    keys: set[Key] = field(default_factory=set)


class History:
    """Values by key, JSON all of them, of one video of a file; threads may share it.

    Raises SettingError where the file cannot be read, OutputError where it cannot be written.
    """

    def __init__(self, path: Path, video: int = 1) -> None:
        self.path, self.video, self.revision = path, video, 0
        self.told: Callable[[Collection[Key]], None] = lambda keys: None
        """Called with the keys whose values have changed, after each time; must not wait for anything."""
        self.lock = threading.RLock()
        """Who reads a value and sets another by it holds this."""
        self._base = connect(path, TABLES)
        self._values = dict[str, dict[int, Any]]()
        self._open, self._here = set[int](), threading.local()
        for kind, number, value in self._rows("SELECT kind, number, value FROM value WHERE video = ?", video):
            self._values.setdefault(kind, {})[number] = json.loads(value)

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self._base.close()

    def get(self, kind: str, number: int) -> Any:
        """A value; None where there is none."""
        return self._values.get(kind, {}).get(number)

    def items(self, kind: str) -> list[tuple[int, Any]]:
        """All values of a kind with their numbers, in order."""
        with self.lock:
            return sorted(self._values.get(kind, {}).items())

    def keep(self, kind: str, number: int, value: Any) -> None:
        """Set a value that no step takes back, None to remove it."""
        with self.lock:
            with transaction(self._base):
                self._store({(kind, number): value})
            self._apply({(kind, number): value})

    @contextlib.contextmanager
    def edit(self, name: str) -> Iterator[Edit]:
        """An edit to `change` values by, which is no step where nothing came of it; edits may go on side by side.

        Edits that the same thread makes within it are parts of it. What was undone before can no longer be done again.
        """
        if (outer := getattr(self._here, "edit", None)) is not None:
            yield outer
            return
        with self.lock, transaction(self._base):
            edit = self._begin(name)
            self._open.add(edit.number)
            self._here.edit = edit
        try:
            yield edit
        finally:
            self._here.edit = None
            with self.lock, transaction(self._base):
                self._open.discard(edit.number)
                self._end(edit)

    def change(self, edit: Edit, values: Mapping[Key, Any]) -> None:
        """Set values as a part of an edit, None removes one; they are in the file when this returns.

        Where a later edit has changed a value by now, it is as if that one had found this, too: taken back, it leaves
        what stood there when it was made. Where that later edit was taken back, nothing is set.
        """
        with self.lock:
            with transaction(self._base):
                done = self._change(edit, values)
            self._apply(done)

    def commit(self, name: str, values: Mapping[Key, Any]) -> Edit:
        """A whole edit at once."""
        if (outer := getattr(self._here, "edit", None)) is not None:
            self.change(outer, values)
            return Edit(name, outer.number, set(values))
        with self.lock:
            with transaction(self._base):
                edit = self._begin(name)
                done = self._change(edit, values)
                self._end(edit)
            self._apply(done)
        return edit

    def _begin(self, name: str) -> Edit:
        self._drop("undone")
        number = self._base.execute("INSERT INTO edit (video, name) VALUES (?, ?)", (self.video, name)).lastrowid
        return Edit(name, number or 0)

    def _change(self, edit: Edit, values: Mapping[Key, Any]) -> dict[Key, Any]:
        done = dict[Key, Any]()
        for (kind, number), value in values.items():
            later = self._base.execute(
                "SELECT e.number, e.undone FROM change c JOIN edit e ON c.edit = e.number WHERE c.kind = ? AND "
                "c.number = ? AND c.edit > ? AND e.video = ? ORDER BY e.number DESC LIMIT 1",
                (kind, number, edit.number, self.video),
            ).fetchone()
            if later is None or not later[1]:
                self._base.execute(
                    "INSERT INTO change VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET after = ?5",
                    (later[0] if later else edit.number, kind, number, _json(self.get(kind, number)), _json(value)),
                )
                done[kind, number] = value
        self._store(done)
        return done

    def _end(self, edit: Edit) -> None:
        self._base.execute("DELETE FROM change WHERE edit = ? AND before IS after", (edit.number,))
        self._drop(f"number = {edit.number} AND NOT EXISTS (SELECT 1 FROM change WHERE edit = edit.number)")
        edit.keys = {(kind, which) for kind, which, _, _ in self._changes(edit.number)}

    def undo(self) -> Edit | None:
        """Take the last edit back; None where there is none. Raises SettingError where it still goes on."""
        return self._step("undone = 0 ORDER BY number DESC", undone=True)

    def redo(self) -> Edit | None:
        """Do the edit again that was taken back last; None where there is none."""
        return self._step("undone ORDER BY number", undone=False)

    def _step(self, which: str, undone: bool) -> Edit | None:
        with self.lock:
            going_on = ", ".join(map(str, self._open))
            some = f"(number IN ({going_on}) OR EXISTS (SELECT 1 FROM change WHERE edit = edit.number))"
            query = f"SELECT number, name FROM edit WHERE video = ? AND {some} AND {which} LIMIT 1"
            found = next(self._rows(query, self.video), None)
            if found is None:
                return None
            number, name = found
            if number in self._open:
                raise SettingError(f"{name}: still goes on; stop it before it is taken back")
            changes = {(kind, which): pair[not undone] for kind, which, *pair in self._changes(number)}
            with transaction(self._base):
                self._base.execute("UPDATE edit SET undone = ? WHERE number = ?", (undone, number))
                self._store(changes)
            self._apply(changes)
            return Edit(name, number, set(changes))

    def _changes(self, edit: int) -> Iterator[tuple[str, int, Any, Any]]:
        for kind, number, *pair in self._rows("SELECT kind, number, before, after FROM change WHERE edit = ?", edit):
            before, after = (None if value is None else json.loads(value) for value in pair)
            yield kind, number, before, after

    def _rows(self, query: str, argument: int) -> Iterator[Any]:
        yield from self._base.execute(query, (argument,)).fetchall()

    def _drop(self, which: str) -> None:
        chosen = f"SELECT number FROM edit WHERE video = {self.video} AND {which}"
        self._base.execute(f"DELETE FROM change WHERE edit IN ({chosen})")
        self._base.execute(f"DELETE FROM edit WHERE number IN ({chosen})")

    def _store(self, values: Mapping[Key, Any]) -> None:
        for (kind, number), value in values.items():
            if value is None:
                query = "DELETE FROM value WHERE video = ? AND kind = ? AND number = ?"
                self._base.execute(query, (self.video, kind, number))
            else:
                self._base.execute(
                    "INSERT OR REPLACE INTO value VALUES (?, ?, ?, ?)", (self.video, kind, number, _json(value))
                )

    def _apply(self, values: Mapping[Key, Any]) -> None:
        for (kind, number), value in values.items():
            if value is None:
                self._values.get(kind, {}).pop(number, None)
            else:
                self._values.setdefault(kind, {})[number] = value
        self.revision += 1
        self.told(values)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))
