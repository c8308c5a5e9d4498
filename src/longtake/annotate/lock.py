"""One server per project: held while it runs, and released however it ends.

The lock is SQLite's own on a file of its own, which is right on every system, is not inherited by child processes, and
goes with the process. What is said to a second one stands in a file beside it, since a locked one cannot be read.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from longtake.errors import OutputError, SettingError
from longtake.video.whole import whole


@contextlib.contextmanager
def locked(project: Path, address: str) -> Iterator[None]:
    """Hold a project's folder, which is made where it is missing.

    address: of the page, as a second server tells it, so without the token. Raises SettingError where another server
    has the project, OutputError where its folder cannot be written.
    """
    notice = project / "server.json"
    try:
        project.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(project / "server.lock", timeout=0, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise OutputError(f"{project}: cannot be written ({error}); choose another folder") from error
    with contextlib.closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
            with whole(notice) as partial:
                partial.write_text(json.dumps({"address": address, "process": os.getpid()}), encoding="utf-8")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise SettingError(f"{project}: is open {_where(notice)}; use that page, or stop it") from error
            raise OutputError(f"{project / 'server.lock'}: {error}; remove it and try again") from error
        except OSError as error:
            raise OutputError(f"{notice}: cannot be written ({error.strerror}); choose another folder") from error
        try:
            yield
        finally:
            notice.unlink(missing_ok=True)


def _where(notice: Path) -> str:
    try:
        told = json.loads(notice.read_text(encoding="utf-8"))
        return f"at {told['address']} (process {told['process']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "in another longtake, which is just starting or ending"
