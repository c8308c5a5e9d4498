"""Edits of a mapping: taken back, done again, and read again from their file however it ends."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.engine.history import History
from longtake.errors import SettingError

STEPS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3)), min_size=1),
        st.sampled_from(["undo", "redo"]),
    ),
    max_size=12,
)


@given(STEPS)
def test_undo_and_redo_are_those_of_a_list_of_states_and_a_file_gives_them_again(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, int | None] | str]
) -> None:
    path = tmp_path_factory.mktemp("history") / "edits.jsonl"
    history, states, place = History(path), [dict[str, int]()], 0
    for step in steps:
        if step == "undo":
            assert (history.undo() is None) == (place == 0)
            place = max(0, place - 1)
        elif step == "redo":
            assert (history.redo() is None) == (place == len(states) - 1)
            place = min(len(states) - 1, place + 1)
        else:
            assert isinstance(step, dict)
            history.commit("edit", step)
            state = {key: value for key, value in {**states[place], **step}.items() if value is not None}
            states[place + 1 :] = [state]
            place += 1
        assert history.values == states[place]
    again = History(path)
    assert again.values == history.values
    while history.undo():
        assert again.undo() is not None
        assert again.values == history.values
    assert again.undo() is None


def test_edits_that_are_joined_are_one(tmp_path: Path) -> None:
    history = History(tmp_path / "edits.jsonl")
    history.commit("first", {"a": 1})
    at = history.mark()
    history.commit("second", {"a": 2, "b": 2})
    history.commit("third", {"b": None, "c": 3})
    edit = history.join(at, "both")
    assert edit.changes == {"a": (1, 2), "c": (None, 3)}
    assert history.join(history.mark(), "nothing").changes == {}
    for each in (history, History(tmp_path / "edits.jsonl")):
        assert each.values == {"a": 2, "c": 3}
        assert each.last is not None
        assert each.last.name == "both"
    history.undo()
    assert history.values == {"a": 1}


def test_a_line_that_a_kill_cut_off_is_no_edit(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    history = History(path)
    history.commit("first", {"a": 1})
    whole = path.read_bytes()
    history.commit("second", {"a": 2})
    for size in range(len(whole), len(path.read_bytes())):
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(path.read_bytes()[:size])
        again = History(cut)
        assert again.values == {"a": 1}
        again.commit("third", {"b": 1})
        assert History(cut).values == {"a": 1, "b": 1}


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    path.write_text('{"edit": "undo"}\n')
    with pytest.raises(SettingError, match="line 1: not an edit"):
        History(path)
