"""Masks of a whole video, corrected by a person."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.engine.editor import Editor
from longtake.engine.following import Only
from longtake.errors import MaskError, SettingError
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO
from longtake.types import Masks
from longtake.video.folder import FolderSource
from longtake.video.spans import Mark, Span

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
COUNT = 9


@pytest.fixture(scope="module")
def tiny() -> AnySystem:
    torch.manual_seed(0)
    return ZOO["stm-mobilenet-v2"].tiny().build().eval()


@pytest.fixture
def clip(tmp_path: Path) -> tuple[FolderSource, list[np.ndarray]]:
    """Two objects that stay."""
    masks = []
    (tmp_path / "clip").mkdir()
    for index, (image, ids) in enumerate(render(DEMO_ACTORS, COUNT, 64, 96, 1)):
        Image.fromarray(image).save(tmp_path / "clip" / f"{index}.png")
        masks.append(np.where(ids < 3, ids, 0).astype(np.uint16))
    return FolderSource(tmp_path / "clip"), masks


@pytest.fixture
def editor(tiny: AnySystem, clip: tuple[FolderSource, list[np.ndarray]], tmp_path: Path) -> Editor:
    return Editor(tiny, clip[0], tmp_path / "edits")


@pytest.fixture
def ids(clip: tuple[FolderSource, list[np.ndarray]]) -> list[np.ndarray]:
    return clip[1]


def shown(editor: Editor) -> dict[int, bytes]:
    found = {frame: editor.labels(frame) for frame in range(editor.count)}
    return {frame: labels.tobytes() for frame, labels in found.items() if labels is not None}


def others(before: dict[int, bytes], after: dict[int, bytes]) -> list[int]:
    return [frame for frame in range(COUNT) if before.get(frame) != after.get(frame)]


def test_given_masks_are_followed_both_ways(editor: Editor, ids: list[np.ndarray]) -> None:
    change = editor.correct(4, ids[4])
    assert change.frames == tuple(range(COUNT))
    assert editor.given == {4: (1, 2)}
    assert np.array_equal(editor.labels(4), ids[4])
    assert all(set(editor.confidence(frame)) == {1, 2} for frame in range(COUNT))
    assert editor.confidence(4) == {1: 1.0, 2: 1.0}


def test_between_two_corrections_every_other_frame_stays(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.correct(0, ids[0])
    before = shown(editor)
    editor.give(2, ids[2])
    editor.give(6, ids[6])
    given = shown(editor)
    assert set(others(before, given)) <= {2, 6}
    change = editor.between(2, 6)
    assert set(others(given, shown(editor))) == set(change.frames)
    assert set(change.frames) <= {3, 4, 5}
    assert change.frames
    assert np.array_equal(editor.labels(2), ids[2])
    assert np.array_equal(editor.labels(6), ids[6])
    last = shown(editor)
    assert editor.between(2, 6).frames == ()  # the same again, which is no step to be taken back
    assert editor.undo() == change
    editor.redo()
    assert shown(editor) == last
    assert editor.between(2, 3).frames == ()  # nothing between


def test_a_correction_reaches_as_far_as_the_next_ones(editor: Editor, ids: list[np.ndarray]) -> None:
    for frame in (0, 3, 7):
        editor.correct(frame, ids[frame])
    before = shown(editor)
    change = editor.correct(5, np.where(ids[5] == 1, np.uint16(1), np.uint16(0)))
    assert set(change.frames) <= {4, 5, 6}
    assert others(before, shown(editor)) == list(change.frames)
    assert np.array_equal(editor.labels(5) == 1, ids[5] == 1)


def test_accepted_frames_are_never_touched(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.correct(0, ids[0])
    editor.accept(3, 5)
    before = shown(editor)
    editor.correct(8, ids[8])
    editor.propagate(8, 0)
    editor.remove(2)
    after = shown(editor)
    assert before[3] == after[3]
    assert before[5] == after[5]
    with pytest.raises(SettingError, match="was accepted; reopen it first"):
        editor.give(3, ids[3])
    editor.reopen(3)
    editor.give(3, {1: ids[3] == 1})
    assert editor.accepted == (5,)


def test_steps_are_taken_back_and_done_again_and_survive_a_kill(
    editor: Editor, tiny: AnySystem, clip: tuple[FolderSource, list[np.ndarray]], ids: list[np.ndarray]
) -> None:
    states = [shown(editor)]
    for edit in (
        lambda e: e.correct(0, ids[0]),
        lambda e: e.give(5, {1: ids[5] == 1}),
        lambda e: e.merge(2, 1),
        lambda e: e.split(1, 7, 4),
        lambda e: e.remove(7),
    ):
        edit(editor)
        states.append(shown(editor))
    steps = [(editor.undo, place) for place in (4, 3, 2, 1, 0)] + [(editor.redo, place) for place in (1, 2, 3, 4, 5)]
    for step, place in steps:
        assert step() is not None
        assert shown(editor) == states[place]
        assert shown(Editor(tiny, clip[0], editor.folder)) == states[place]  # and nothing was closed before
    assert editor.redo() is None


def test_an_editor_opened_anew_continues_bit_for_bit(
    tiny: AnySystem, clip: tuple[FolderSource, list[np.ndarray]], ids: list[np.ndarray], tmp_path: Path
) -> None:
    whole = Editor(tiny, clip[0], tmp_path / "whole")
    for frame in (0, 6, 3):
        whole.correct(frame, ids[frame])
        Editor(tiny, clip[0], tmp_path / "parts").correct(frame, ids[frame])
    assert shown(Editor(tiny, clip[0], tmp_path / "parts")) == shown(whole)


def test_objects_are_merged_split_and_removed(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.correct(0, ids[0])
    before = [editor.labels(frame) for frame in range(COUNT)]
    change = editor.split(2, 9, 5, 6)
    assert set(change.frames) <= {5, 6}
    assert np.array_equal(editor.labels(5), np.where(before[5] == 2, 9, before[5]))
    assert np.array_equal(editor.labels(4), before[4])
    editor.merge(9, 2)
    assert all(np.array_equal(editor.labels(frame), before[frame]) for frame in range(COUNT))
    editor.merge(2, 1)
    assert editor.ids == (1,)
    assert editor.given == {0: (1,)}
    assert np.array_equal(editor.labels(0), np.where(ids[0] > 0, 1, 0))
    editor.remove(1)
    assert (editor.ids, editor.given) == ((), {})


def test_an_object_that_a_frame_does_not_show_is_still_followed_from_it(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.correct(0, ids[0])
    editor.give(4, {1: np.ones_like(ids[4], bool)})  # hides the other one
    editor.propagate(4, 8)
    assert all(set(editor.confidence(frame)) == {1, 2} for frame in range(5, COUNT))


def test_an_empty_mask_says_that_an_object_is_not_there(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.correct(0, ids[0])
    editor.correct(4, {2: np.zeros_like(ids[4], bool)})
    assert editor.given == {0: (1, 2), 4: (2,)}
    assert editor.confidence(4)[2] is None
    editor.propagate(0, COUNT - 1)
    assert not (editor.labels(4) == 2).any()
    assert (editor.labels(4) == 1).any()


def test_what_was_done_by_an_interruption_stays(editor: Editor, ids: list[np.ndarray]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    editor.give(0, ids[0])
    with pytest.raises(KeyboardInterrupt):
        editor.propagate(0, 8, report=stop)
    assert sorted(shown(editor)) == [0, 1, 2, 3]


def test_only_some_frames_are_kept_and_the_rest_between_them_later(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(1, ids[1])
    kept = Only(frozenset({0, 4, 8}))
    seen = list[tuple[int, int]]()
    change = editor.through(editor.given, only=kept, report=lambda *count: seen.append(count))
    assert change.frames == (0, 4, 8)
    assert seen == [(done, COUNT - 1) for done in range(1, COUNT)]
    assert {frame: editor.known(frame)[1][0] for frame in range(COUNT) if editor.labels(frame) is not None} == {
        0: "propagated",
        1: "given",
        4: "propagated",
        8: "propagated",
    }
    every = shown(editor)
    editor.accept(0, 4)
    half = Only(frozenset(range(0, COUNT, 2)), looked=True)
    change = editor.through(editor.accepted, only=half, report=lambda *count: seen.append(count))
    assert seen[COUNT - 1 :] == [(done, 2 + 2) for done in range(1, 5)]  # 2 both ways, 6 and 8
    assert set(change.frames) <= {2, 6, 8}
    assert {2, 6} <= set(change.frames)
    assert {frame: shown(editor)[frame] for frame in (0, 1, 4)} == {frame: every[frame] for frame in (0, 1, 4)}
    with pytest.raises(SettingError, match="no frame to follow from"):
        editor.through(())


def test_what_is_followed_at_the_kept_frames_alone_is_another(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(0, ids[0])
    seen = list[tuple[int, int]]()
    only = Only(frozenset({3, 6}), looked=True)
    editor.propagate(0, COUNT - 1, only=only, report=lambda *count: seen.append(count))
    assert seen == [(1, 2), (2, 2)]
    assert sorted(shown(editor)) == [0, 3, 6]


def test_imported_masks_are_a_start_that_pins_nothing(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(2, {1: ids[2] == 1})
    editor.give(3, ids[3])
    editor.accept(3)
    before = editor.labels(3)
    swapped = [np.where(each > 0, np.uint16(3) - each, each) for each in ids]
    change = editor.take((frame, Masks.of(swapped[frame])) for frame in (1, 2, 3))
    assert change.frames == (1, 2)
    assert np.array_equal(editor.labels(1), swapped[1])
    assert np.array_equal(editor.labels(2) == 1, ids[2] == 1)
    assert np.array_equal(editor.labels(3), before)
    assert {name: origin for name, (origin, _) in editor.known(2).items()} == {1: "given", 2: "imported"}
    assert editor.given == {2: (1,), 3: (1, 2)}
    editor.give(1, {2: swapped[1] == 2})
    assert editor.known(1)[2][0] == "corrected"
    editor.undo()
    editor.undo()
    assert editor.labels(1) is None


def test_masks_may_be_given_while_something_is_followed(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(0, ids[0])

    def draw(done: int, total: int) -> None:
        if done == 2:
            for frame in (2, 6):  # behind, where it was already, and ahead
                person = threading.Thread(target=editor.give, args=(frame, {1: ids[frame] == 2}))
                person.start()
                person.join()
            with pytest.raises(SettingError, match="still goes on"):
                [editor.undo() for _ in range(3)]
            editor.redo()
            editor.redo()

    editor.propagate(0, COUNT - 1, report=draw)
    for frame in (2, 6):
        assert np.array_equal(editor.labels(frame) == 1, ids[frame] == 2)
    assert set(editor.known(6)) == {1, 2}
    assert [editor.undo().name for _ in range(3)] == [
        "mark object 1 on frame 6",
        "mark object 1 on frame 2",
        "follow from 0 to 8",
    ]
    assert sorted(shown(editor)) == [0]


def test_an_annotation_without_a_system_is_corrected_and_follows_nothing(
    clip: tuple[FolderSource, list[np.ndarray]], ids: list[np.ndarray], tmp_path: Path
) -> None:
    editor = Editor(None, clip[0], tmp_path / "edits")
    editor.give(0, ids[0])
    with pytest.raises(SettingError, match="no model to follow with"):
        editor.propagate(0, 3)
    assert sorted(shown(editor)) == [0]


def test_bad_input_is_told_in_a_line_and_changes_nothing(
    editor: Editor, tiny: AnySystem, ids: list[np.ndarray], tmp_path: Path, rendered: Rendered
) -> None:
    with pytest.raises(SettingError, match="no masks yet"):
        editor.propagate(0, 3)
    editor.give(0, ids[0])
    editor.give(1, {5: ids[1] == 1})
    editor.remove(5)
    before, stored = shown(editor), editor.history.items("layer")
    for edit, words in (
        (lambda: editor.give(COUNT, ids[0]), "outside the video, whose frames are 0 to 8"),
        (lambda: editor.give(-1, ids[0]), "outside the video"),
        (lambda: editor.give(2, {5: ids[2] == 1}), "object 5 was removed"),
        (lambda: editor.give(0, {1: ids[0] == 2}), "object 1 was given there before"),
        (lambda: editor.between(3, 3), "name the earlier frame first"),
        (lambda: editor.between(0, 20), "outside the video"),
        (lambda: editor.merge(1, 40), "object 40 has no masks; these have: 1, 2"),
        (lambda: editor.merge(40, 1), "object 40 has no masks"),
        (lambda: editor.split(1, 2, 0), "that no object has"),
        (lambda: editor.relabel(1, 5), "object 5 was removed"),
        (lambda: editor.reopen(4), "frame 4 was not accepted"),
        (lambda: editor.accept(4), "no masks yet"),
    ):
        with pytest.raises(SettingError, match=words) as told:
            edit()
        assert "\n" not in str(told.value)
    with pytest.raises(MaskError, match="its aspect is another"):
        editor.give(3, np.ones((8, 50), np.uint16))
    assert shown(editor) == before
    assert editor.history.items("layer") == stored
    editor.give(0, {1: ids[0] == 2}, again=True)
    (tmp_path / "other").mkdir()
    Image.fromarray(rendered(1)[0][0]).save(tmp_path / "other" / "0.png")
    with pytest.raises(SettingError, match="not of other"):
        Editor(tiny, FolderSource(tmp_path / "other"), editor.folder)
    part = FolderSource(tmp_path / "other")
    part.span = Span(end=Mark("#3", frame=3))
    with pytest.raises(SettingError, match="an annotation is of a whole video; open it without a span"):
        Editor(tiny, part, tmp_path / "part")
