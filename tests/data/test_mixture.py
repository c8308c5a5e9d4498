from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.data.clips import ClipSource, PastedClips, ProceduralClips, Shape, StillClips, VideoClips
from longtake.data.dataset import Video
from longtake.data.footage import VideoFootage
from longtake.data.images import Store
from longtake.data.mixture import ClipDataset, Mixture, choose, merge, renumber
from longtake.data.paste import Drawn
from longtake.data.still import Masked
from longtake.errors import UnreadableError
from longtake.video.palette import write_labels


@pytest.fixture
def mixture(tmp_path: Path, rendered: Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]) -> Mixture:
    frames, masks = [], []
    for index, (image, ids) in enumerate(zip(*rendered(8, 96, 128), strict=True)):
        frames.append(tmp_path / f"{index}.jpg")
        masks.append(tmp_path / f"{index}.png")
        Image.fromarray(image).save(frames[-1])
        write_labels(masks[-1], ids.astype(np.uint16))
    store = Store(2**20)
    stills = [Masked(frames[0], masks[0]), Masked(frames[1], masks[1])]
    toy = Video("toy", {f.stem: f for f in frames}, {m.stem: m for m in masks})
    video = VideoClips([VideoFootage(toy, store)])
    paster = PastedClips(StillClips(stills, store), [], stills, store)
    sources = [(1.0, video), (1.0, StillClips(stills, store)), (1.0, paster), (1.0, ProceduralClips())]
    return Mixture(sources, paster, merged=0.4, distractor=0.5, lookalike=0.5)


def test_clips_are_reproducible_and_well_formed(mixture: Mixture) -> None:
    shapes = [Shape(3, (64, 64), 1, 3), Shape(4, (32, 48), 2, 3)]
    dataset = ClipDataset(mixture, lambda number: shapes[number // 2 % 2], (5,))
    for number in range(16):
        sample = dataset[number]
        shape = shapes[number // 2 % 2]
        assert sample.images.shape == (shape.frames, 3, *shape.size)
        assert sample.images.dtype == sample.ids.dtype == torch.uint8
        present = sorted(set(sample.ids[0].unique().tolist()) - {0, 255})
        assert present == list(range(1, len(present) + 1))
        assert 1 <= len(present) <= shape.objects
        assert set(sample.ids.unique().tolist()) <= {0, 255, *present}
        again = dataset[number]
        assert torch.equal(sample.images, again.images)
        assert torch.equal(sample.ids, again.ids)


def test_other_seeds_and_stages_give_other_clips(mixture: Mixture) -> None:
    shape = Shape(2, (32, 32))
    first, second = (ClipDataset(mixture, lambda _: shape, seeds)[0] for seeds in ((1, 0), (1, 1)))
    assert not torch.equal(first.images, second.images)


def test_merged_objects_have_ids_of_their_own() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    low, high = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    low[:2], low[3] = 1, 255
    high[:, 0], high[:, 1], high[:, 2] = 1, 9, 255
    both = merge(Drawn([image], [low]), Drawn([image + 9], [high]))
    assert both.ids[0].tolist() == [[2, 3, 1, 1], [2, 3, 1, 1], [2, 3, 0, 0], [2, 3, 255, 255]]
    assert (both.images[0][both.ids[0] == 3] == 9).all()
    assert (both.images[0][both.ids[0] == 1] == 0).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 254), min_size=1, max_size=40), st.lists(st.integers(0, 254), min_size=1, max_size=40))
def test_a_merge_never_mixes_up_objects(below: list[int], above: list[int]) -> None:
    width = max(len(below), len(above))
    rows = [np.array([row + [0] * (width - len(row))], np.uint8) for row in (below, above)]
    clips = [Drawn([np.zeros((1, width, 3), np.uint8)], [row]) for row in rows]
    ids = merge(*clips).ids[0]
    for old in set(above) - {0}:
        assert len(set(ids[rows[1] == old].tolist()) - set(below)) <= 1
    assert not (set(ids[rows[1] > 0].tolist()) & set(below)) - {0} or len(set(below) | set(above)) > 200


def test_late_objects_are_void_until_they_are_large_enough_to_be_given() -> None:
    frames = [np.zeros((20, 20), np.uint8) for _ in range(5)]
    for frame in frames:
        frame[:10] = 7
    frames[1][15, :5], frames[2][12:], frames[3][12:] = 3, 3, 3
    frames[0][19, 19] = 4  # a sliver at the beginning is no late object, whatever becomes of it
    frames[3][10:12] = 4
    shape = Shape(5, (20, 20), objects=3, late=True)
    chosen = choose(np.random.default_rng(0), frames, shape, 64)
    assert chosen == {7: 0, 3: 2}
    numbered = renumber(frames, chosen)
    assert [sorted(np.unique(frame).tolist()) for frame in numbered] == [
        [0, 1],
        [0, 1, 255],
        [0, 1, 2],
        [0, 1, 2],
        [0, 1],
    ]
    early = choose(np.random.default_rng(0), frames, Shape(5, (20, 20), objects=3), 64)
    assert early == {7: 0}


def test_an_unreadable_file_is_told_and_another_clip_drawn() -> None:
    class Sometimes(ClipSource):
        def draw(self, rng: np.random.Generator, shape: Shape) -> Drawn:
            if rng.random() < 0.5:
                raise UnreadableError("a.jpg: not a readable image")
            return Drawn([np.zeros((32, 32, 3), np.uint8)] * 2, [np.ones((32, 32), np.uint8)] * 2)

    dataset = ClipDataset(Mixture([(1.0, Sometimes())]), lambda _: Shape(2, (32, 32)), (0,))
    told = [dataset[number].skipped for number in range(12)]
    assert any(told)
    assert not all(told)
    assert told == [dataset[number].skipped for number in range(12)]
