"""Edits of values: taken back, done again, and read again from their file however it ends."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.engine.history import History, Key
from longtake.errors import OutputError, SettingError

KEYS: list[Key] = [("a", 1), ("a", 2), ("b", 1)]

STEPS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.integers(0, 3)), min_size=1),
        st.sampled_from(["undo", "redo"]),
    ),
    max_size=8,
)


def values(history: History) -> dict[Key, int]:
    return {(kind, number): value for kind in "ab" for number, value in history.items(kind)}


@given(STEPS)
def test_undo_and_redo_are_those_of_a_list_of_states_and_a_file_gives_them_again(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[Key, int | None] | str]
) -> None:
    path = tmp_path_factory.mktemp("history") / "edits.sqlite"
    history, states, place = History(path), [dict[Key, int]()], 0
    for step in steps:
        if step == "undo":
            assert (history.undo() is None) == (place == 0)
            place = max(0, place - 1)
        elif step == "redo":
            assert (history.redo() is None) == (place == len(states) - 1)
            place = min(len(states) - 1, place + 1)
        else:
            assert isinstance(step, dict)
            edit = history.commit("edit", step)
            state = {key: value for key, value in {**states[place], **step}.items() if value is not None}
            assert edit.keys == {key for key in KEYS if state.get(key) != states[place].get(key)}
            states[place + 1 :] = [state] if edit.keys else []  # what changes nothing is no step
            place += bool(edit.keys)
        assert values(history) == states[place]
    again = History(path)
    assert values(again) == values(history)
    while history.undo():
        assert values(History(path)) == values(history)
    assert values(history) == {}
    history.close()
    again.close()


def test_an_edit_in_parts_is_one_step(tmp_path: Path) -> None:
    history = History(tmp_path / "edits.sqlite")
    history.commit("first", {("a", 1): 1})
    with history.edit("both") as edit:
        history.change(edit, {("a", 1): 2, ("b", 1): 2})
        history.change(edit, {("b", 1): None, ("a", 2): 3})
    assert edit.keys == {("a", 1), ("a", 2)}
    with history.edit("nothing"):
        pass
    for each in (history, History(history.path)):
        assert values(each) == {("a", 1): 2, ("a", 2): 3}
    history.undo()
    assert values(history) == {("a", 1): 1}


def test_edits_within_an_edit_are_parts_of_it(tmp_path: Path) -> None:
    history = History(tmp_path / "edits.sqlite")
    with history.edit("outer") as outer:
        history.commit("first", {("a", 1): 1})
        with history.edit("second") as inner:
            history.change(inner, {("a", 2): 2})
        assert values(history) == {("a", 1): 1, ("a", 2): 2}
    assert outer.keys == {("a", 1), ("a", 2)}
    history.undo()
    assert values(history) == {}
    history.commit("after", {("b", 1): 1})
    assert history.undo() is not None
    assert history.undo() is None


def test_edits_side_by_side_are_each_taken_back_alone(tmp_path: Path) -> None:
    history = History(tmp_path / "edits.sqlite")
    with history.edit("slow") as slow:
        history.change(slow, {("a", 1): 1})
        quick = threading.Thread(target=history.commit, args=("quick", {("a", 2): 7, ("b", 1): 7}))
        quick.start()
        quick.join()
        with pytest.raises(SettingError, match="slow: still goes on"):
            assert history.undo() is not None
            history.undo()
        history.redo()
        history.change(slow, {("a", 2): 8})  # as if quick had found it there
        history.undo()
        history.change(slow, {("b", 1): 9})  # quick is taken back and may come again
        assert values(history) == {("a", 1): 1}
    history.redo()
    assert values(history) == {("a", 1): 1, ("a", 2): 8, ("b", 1): 7}
    history.undo()
    history.undo()
    assert values(history) == {}


def test_threads_share_it_and_videos_share_a_file(tmp_path: Path) -> None:
    histories = [History(tmp_path / "edits.sqlite", video) for video in (1, 2)]

    def work(history: History, place: int) -> None:
        for number in range(10):
            history.commit("edit", {("a", 100 * place + number): place})

    threads = [threading.Thread(target=work, args=(history, i)) for i in range(2) for history in histories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for video, history in enumerate(histories, 1):
        assert len(values(history)) == 20
        assert values(History(history.path, video)) == values(history)
        while history.undo():
            pass
        assert values(history) == {}


WRITER = """
import sys
from pathlib import Path
from longtake.engine.history import History
history, number = History(Path(sys.argv[1])), 0
while True:
    history.commit("edit", {("a", number): number, ("b", number): number})
    number += 1
"""


def test_a_kill_leaves_whole_edits(tmp_path: Path) -> None:
    path = tmp_path / "edits.sqlite"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as process:
        while process.poll() is None and (not path.exists() or History(path).get("a", 20) is None):
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    history = History(path)
    assert dict(history.items("a")) == dict(history.items("b"))
    assert len(history.items("a")) > 20
    while history.undo():
        assert dict(history.items("a")) == dict(history.items("b"))
    assert history.items("a") == []


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "edits.sqlite")
    history.commit("edit", {("a", 1): 1})
    pages = history._base.execute("PRAGMA page_count").fetchone()[0]
    history._base.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputError, match=r"edits.sqlite: cannot be written \(database or disk is full\)"):
        history.commit("edit", {("a", number): "x" * 500 for number in range(100)})
    history._base.execute(f"PRAGMA max_page_count = {10 * pages}")
    assert values(history) == values(History(history.path)) == {("a", 1): 1}
    history.commit("edit", {("a", 1): 2})
    history.undo()
    assert values(history) == {("a", 1): 1}


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "edits.sqlite"
    path.write_text("nothing of the kind, at some length, so that it is no empty database")
    with pytest.raises(SettingError, match="not a file of longtake"):
        History(path)
    with pytest.raises(OutputError, match="cannot be opened"):
        History(tmp_path / "missing" / "edits.sqlite")
    newer = tmp_path / "newer.sqlite"
    base = sqlite3.connect(newer)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(SettingError, match="of a later longtake"):
        History(newer)


def test_while_an_edit_goes_on_that_has_changed_nothing_yet_none_before_it_is_taken_back(tmp_path: Path) -> None:
    """Else what is done again would stand over what the edit has set, and be lost as that one is taken back."""
    history = History(tmp_path / "edits.sqlite")
    history.commit("first", {("a", 1): 1})
    with history.edit("slow") as slow:
        with pytest.raises(SettingError, match="slow: still goes on"):
            history.undo()
        history.change(slow, {("a", 1): 2})
        assert history.redo() is None
    history.undo()
    assert values(history) == {("a", 1): 1}
