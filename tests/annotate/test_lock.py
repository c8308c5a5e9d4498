"""One server per project, however the first one ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from longtake.annotate.lock import locked
from longtake.errors import OutputError, SettingError

HOLD = """
import sys, time
from pathlib import Path
from longtake.annotate.lock import locked
with locked(Path(sys.argv[1]), "http://127.0.0.1:8765"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_server_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    project = tmp_path / "made" / "project"
    with locked(project, "http://127.0.0.1:1"):
        for _ in range(2):
            with pytest.raises(SettingError, match=r"project: is open at http://127.0.0.1:1 \(process \d+\); use that"):
                locked(project, "http://127.0.0.1:2").__enter__()
        with locked(tmp_path / "other", "http://127.0.0.1:3"):
            pass
    with locked(project, "http://127.0.0.1:2"):
        assert json.loads((project / "server.json").read_text())["address"] == "http://127.0.0.1:2"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_releases_it(tmp_path: Path, end: signal.Signals) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(SettingError, match=rf"127.0.0.1:8765 \(process {holder.pid}\)"):
        locked(tmp_path, "").__enter__()
    holder.send_signal(end)
    holder.wait()
    holder.stdout.close()
    with locked(tmp_path, "http://127.0.0.1:2"):
        pass


def test_an_error_inside_releases_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path, ""):
        raise RuntimeError
    with locked(tmp_path, ""):
        pass
    assert not (tmp_path / "server.json").exists()


def test_a_notice_that_is_missing_or_damaged_is_said_in_words(tmp_path: Path) -> None:
    with locked(tmp_path, "http://127.0.0.1:1"):
        for text in ("", "[]", "{}"):
            (tmp_path / "server.json").write_text(text)
            with pytest.raises(SettingError, match="is open in another longtake"):
                locked(tmp_path, "").__enter__()
        (tmp_path / "server.json").unlink()
        with pytest.raises(SettingError, match="is open in another longtake"):
            locked(tmp_path, "").__enter__()


def test_a_folder_that_is_none_and_a_lock_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be written"):
        locked(tmp_path / "file", "").__enter__()
    (tmp_path / "server.lock").write_bytes(b"something else, long enough to be read as a header" * 9)
    with pytest.raises(OutputError, match=r"server\.lock: file is not a database"):
        locked(tmp_path, "").__enter__()
