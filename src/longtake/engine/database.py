"""An SQLite file: opened, checked, and its errors in words."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from longtake.errors import OutputError, SettingError

VERSION = 1
"""Of the tables; a file of a later one is refused."""


def connect(path: Path, tables: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; what was committed is on the disk.

    tables: SQL that makes what is missing. Raises SettingError where the file is of a later version, or no such file,
    OutputError where it cannot be written.
    """
    try:
        base = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        found = int(base.execute("PRAGMA user_version").fetchone()[0])
        if found > VERSION:
            base.close()
            raise SettingError(f"{path}: of a later longtake (its version is {found}, {VERSION} is known); upgrade")
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        base.executescript(f"BEGIN IMMEDIATE; {tables}; PRAGMA user_version = {VERSION}; COMMIT")
    except sqlite3.OperationalError as error:
        raise OutputError(f"{path}: cannot be opened ({error}); may it be written there?") from error
    except sqlite3.DatabaseError as error:
        raise SettingError(f"{path}: not a file of longtake ({error}); take it from a copy") from error
    return base


@contextlib.contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Raises OutputError where the disk is full, or another program holds the file for long."""
    try:
        base.execute("BEGIN IMMEDIATE")
        try:
            yield
            base.execute("COMMIT")
        except BaseException:
            if base.in_transaction:
                base.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        path = base.execute("PRAGMA database_list").fetchone()[2]
        raise OutputError(f"{path}: cannot be written ({error}); is the disk full?") from error
