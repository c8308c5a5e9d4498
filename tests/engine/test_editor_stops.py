"""What is followed between frames that a person gave, where each says something of other objects."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.engine.editor import Editor, _Told
from longtake.errors import SettingError
from longtake.systems.zoo import ZOO
from longtake.types import Masks
from longtake.video.folder import FolderSource

COUNT = 9


@pytest.fixture
def ids(tmp_path: Path) -> list[np.ndarray]:
    """Two objects that stay, and their images in tmp_path/clip."""
    masks = []
    (tmp_path / "clip").mkdir()
    for index, (image, shown) in enumerate(render(DEMO_ACTORS, COUNT, 64, 96, 1)):
        Image.fromarray(image).save(tmp_path / "clip" / f"{index}.png")
        masks.append(np.where(shown < 3, shown, 0).astype(np.uint16))
    return masks


@pytest.fixture
def editor(ids: list[np.ndarray], tmp_path: Path) -> Editor:
    torch.manual_seed(0)
    return Editor(ZOO["stm-mobilenet-v2"].tiny().build().eval(), FolderSource(tmp_path / "clip"), tmp_path / "edits")


def test_an_object_comes_to_the_frames_where_another_was_given(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(1, {1: ids[1] == 1})
    editor.give(4, {2: ids[4] == 2})
    editor.give(7, {1: ids[7] == 1, 2: np.zeros_like(ids[7])})
    editor.through((1, 4, 7))
    assert all(set(editor.known(frame)) == {1, 2} for frame in range(COUNT))
    assert np.array_equal(editor.labels(4) == 2, ids[4] == 2)
    assert {frame: dict(editor.known(frame))[1][0] for frame in (1, 4, 7)} == {1: "given", 4: "propagated", 7: "given"}
    assert editor.known(7)[2] == ("given", None)
    assert editor.given == {1: (1,), 4: (2,), 7: (1, 2)}


def test_an_object_is_followed_through_frames_that_a_file_gave(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.take([(frame, Masks.of(np.where(ids[frame] == 2, ids[frame], 0))) for frame in range(COUNT)])
    editor.give(0, {1: ids[0] == 1})
    before = {frame: editor.labels(frame) == 2 for frame in range(COUNT)}
    change = editor.through(range(COUNT))
    assert change.frames == tuple(range(1, COUNT))
    for frame in range(1, COUNT):
        assert {name: origin for name, (origin, _) in editor.known(frame).items()} == {1: "propagated", 2: "imported"}
        assert np.array_equal(editor.labels(frame) == 2, before[frame])


def test_an_accepted_frame_gets_no_other_objects(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.give(1, {1: ids[1] == 1})
    editor.give(4, {2: ids[4] == 2})
    editor.accept(4)
    editor.through((1, 4))
    assert set(editor.known(4)) == {2}
    assert set(editor.known(1)) == {1, 2}


def test_following_one_object_takes_no_imported_one_away(editor: Editor, ids: list[np.ndarray]) -> None:
    editor.take([(frame, Masks.of(np.where(ids[frame] == 2, ids[frame], 0))) for frame in (3, 5)])
    editor.correct(0, {1: ids[0] == 1})
    assert {frame: editor.known(frame)[2][0] for frame in (3, 5)} == {3: "imported", 5: "imported"}
    assert all((editor.labels(frame)[editor.labels(frame) != 1] == 2).sum() > 0 for frame in (3, 5))


def test_masks_of_frames_far_away_are_not_read(editor: Editor, ids: list[np.ndarray]) -> None:
    """Else a video with a thousand accepted frames takes a million readings."""
    for frame in range(COUNT):
        editor.give(frame, ids[frame])
    read = list[str]()
    get = editor._store.get
    editor._store.get = lambda key: read.append(key) or get(key)  # type: ignore[func-returns-value,method-assign]
    assert editor._references(editor.system, 0, ids[0], _Told(range(COUNT), frozenset((1, 2)))) == [4, 3, 2, 1]  # type: ignore[arg-type]
    assert read == []


def test_many_frames_are_accepted_without_reading_them(editor: Editor, ids: list[np.ndarray]) -> None:
    for frame in range(COUNT):
        editor.give(frame, ids[frame])
    editor._store.get = lambda key: pytest.fail("read")  # type: ignore[method-assign]
    assert editor.accept(*range(COUNT)).name == "accept 9 frames, 0 to 8"
    assert editor.reopen(1, 3).name == "reopen 1, 3"
    with pytest.raises(SettingError, match="frame 9: outside"):
        editor.accept(1, 9)
    assert editor.accepted == (0, 2, 4, 5, 6, 7, 8)
