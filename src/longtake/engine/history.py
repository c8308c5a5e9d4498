"""A mapping that changes by edits, each of which can be taken back and done again; a file holds it, line by line.

What lies behind its values is never changed, only referred to, so an undone edit costs nothing and loses nothing.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtake.errors import SettingError
from longtake.video.sinks import output


@dataclass(frozen=True)
class Edit:
    """What an edit changed: by key the value before and the one after, None for none."""

    name: str
    changes: Mapping[str, tuple[Any, Any]]


class History:
    """Values by key, JSON all of them. An edit is in the file when `commit` returns; a line cut off by a kill is none.

    Raises SettingError where the file cannot be read, OutputError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values = dict[str, Any]()
        self._done, self._undone = list[Edit](), list[Edit]()
        good = 0
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True) if path.exists() else [], 1):
            if not line.endswith(b"\n"):
                break
            try:
                self._replay(json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise SettingError(
                    f"{path}, line {number}: not an edit ({error!r}); take the file from a copy"
                ) from error
            good += len(line)
        if path.exists() and path.stat().st_size > good:
            with output(path), path.open("r+b") as file:
                file.truncate(good)

    def _replay(self, line: dict[str, Any]) -> None:
        if line["edit"] == "undo":
            self._undo()
        elif line["edit"] == "redo":
            self._redo()
        elif line["edit"] == "join":
            self._join(line["at"], line["name"])
        else:
            self._commit(line["name"], line["changes"])

    @property
    def last(self) -> Edit | None:
        """The edit that `undo` would take back."""
        return self._done[-1] if self._done else None

    def commit(self, name: str, changes: Mapping[str, Any]) -> Edit:
        """Set keys to values, None removes one; what was undone before can no longer be done again."""
        self._write({"edit": "set", "name": name, "changes": dict(changes)})
        return self._commit(name, changes)

    def _commit(self, name: str, changes: Mapping[str, Any]) -> Edit:
        edit = Edit(name, {key: (self.values.get(key), value) for key, value in changes.items()})
        self._apply({key: after for key, (_, after) in edit.changes.items()})
        self._done.append(edit)
        self._undone.clear()
        return edit

    def mark(self) -> int:
        """A place to `join` from."""
        return len(self._done)

    def join(self, at: int, name: str) -> Edit:
        """All edits since a mark as one of this name; one without changes where there was none."""
        if len(self._done) == at:
            return Edit(name, {})
        self._write({"edit": "join", "at": at, "name": name})
        return self._join(at, name)

    def _join(self, at: int, name: str) -> Edit:
        changes = dict[str, tuple[Any, Any]]()
        for edit in self._done[at:]:
            for key, (before, after) in edit.changes.items():
                changes[key] = changes.get(key, (before,))[0], after
        self._done[at:] = [Edit(name, {key: pair for key, pair in changes.items() if pair[0] != pair[1]})]
        return self._done[-1]

    def undo(self) -> Edit | None:
        """Take the last edit back; None where there is none."""
        if not self._done:
            return None
        self._write({"edit": "undo"})
        return self._undo()

    def _undo(self) -> Edit:
        edit = self._done.pop()
        self._apply({key: before for key, (before, _) in edit.changes.items()})
        self._undone.append(edit)
        return edit

    def redo(self) -> Edit | None:
        """Do the edit again that was taken back last; None where there is none."""
        if not self._undone:
            return None
        self._write({"edit": "redo"})
        return self._redo()

    def _redo(self) -> Edit:
        edit = self._undone.pop()
        self._apply({key: after for key, (_, after) in edit.changes.items()})
        self._done.append(edit)
        return edit

    def _apply(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, separators=(",", ":")) + "\n"
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with output(self.path), self.path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            if self.path.exists() and self.path.stat().st_size > size:
                os.truncate(self.path, size)
            raise
