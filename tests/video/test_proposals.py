"""Proposals in files: what is written is read, the best are kept, and what cannot be used is told."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as tools

from longtake.errors import InputError
from longtake.types import Frame, Proposals
from longtake.video.proposals import MOST, FolderOfProposals, best, boxes_of, read_proposals, write_proposals


def boxed(*boxes: tuple[int, int, int, int], scores: tuple[float, ...] | None = None) -> Proposals:
    """Full rectangles."""
    masks = np.zeros((len(boxes), 40, 60), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    given = scores or tuple(1 - 0.01 * i for i in range(len(boxes)))
    return Proposals(masks, np.array(given, np.float32))


def frame(name: str = "000003", height: int = 40, width: int = 60) -> Frame:
    return Frame(3, name, Fraction(3), True, np.zeros((height, width, 3), np.uint8))


@given(count=st.integers(0, 4), height=st.integers(1, 30), width=st.integers(1, 30), seed=st.integers(0, 9999))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, count: int, height: int, width: int, seed: int
) -> None:
    rng, path = np.random.default_rng(seed), tmp_path_factory.mktemp("p") / "a.json"
    written = Proposals(rng.random((count, height, width)) < 0.4, rng.random(count).astype(np.float32))
    write_proposals(path, written)
    read = read_proposals(path)
    assert np.array_equal(read.masks, written.masks)
    np.testing.assert_allclose(read.scores, written.scores, atol=1e-6)


def test_others_can_read_the_file(tmp_path: Path) -> None:
    write_proposals(tmp_path / "a.json", boxed((10, 5, 30, 25)))
    (entry,) = json.loads((tmp_path / "a.json").read_text())["proposals"]
    assert entry["box"] == [10, 5, 30, 25]
    assert tools.toBbox(entry["mask"]).tolist() == [10, 5, 20, 20]


def test_of_overlapping_ones_the_best_stays() -> None:
    """At an overlap of 0.4: 20x20 boxes shifted by 8 have 12 / 28 = 0.43, by 9 they have 11 / 29 = 0.38."""
    found = best(boxed((0, 0, 20, 20), (8, 0, 28, 20), (9, 0, 29, 20), scores=(0.9, 0.8, 0.7)))
    assert boxes_of(found)[:, 0].tolist() == [0, 9]
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert boxes_of(best(boxed((0, 0, 20, 20), (8, 0, 28, 20), scores=(0.1, 0.8))))[:, 0].tolist() == [8]


def test_at_most_thirty_in_the_order_of_their_scores() -> None:
    masks = [(5 * (i % 12), 5 * (i // 12), 5 * (i % 12) + 5, 5 * (i // 12) + 5) for i in range(48)]
    scores = np.random.default_rng(0).permutation(48) / 48
    found = best(boxed(*masks, scores=tuple(scores)))
    assert len(found.masks) == MOST
    assert found.scores.tolist() == pytest.approx(sorted(scores, reverse=True)[:MOST])


def test_empty_ones_and_scores_that_are_no_numbers_are_left_out() -> None:
    found = best(boxed((0, 0, 0, 0), (10, 10, 10, 20), (20, 20, 30, 30), (0, 0, 9, 9), scores=(1, 1, 0.5, np.nan)))
    assert boxes_of(found).tolist() == [[20, 20, 30, 30]]
    assert len(best(boxed()).masks) == 0


def test_a_frame_s_file_is_found_by_its_name(tmp_path: Path) -> None:
    write_proposals(tmp_path / "000003.json", boxed((10, 5, 30, 25), (11, 5, 31, 25)))
    assert len(FolderOfProposals(tmp_path)(frame()).masks) == 1
    with pytest.raises(InputError, match=r"000004\.json: no such file; every frame needs one, with an empty list"):
        FolderOfProposals(tmp_path)(frame("000004"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"size": [4, 4]}',
        '{"size": [4, 4], "proposals": [{"score": 1}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 5], "counts": "0d0"}}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 4], "counts": 5}}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 4], "counts": null}}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 4], "counts": [-4, 20]}}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 4], "counts": [1e400]}}]}',
        '{"size": [1e400, 4], "proposals": []}',
        '{"size": [0, 4], "proposals": []}',
        '{"size": [-1, 4], "proposals": []}',
        "[" * 100_000,
        '{"size": [4, 4], "proposals": [{"score": "high", "mask": {"size": [4, 4], "counts": "0d0"}}]}',
        '{"size": [4, 4], "proposals": [{"score": 1, "mask": {"size": [4, 4], "counts": [0, 15]}}]}',
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: not readable as proposals"):
        read_proposals(tmp_path / "a.json")


def test_run_lengths_as_numbers_are_read_too(tmp_path: Path) -> None:
    lengths = '{"size": [4, 4], "counts": [5, 2, 9]}'
    (tmp_path / "a.json").write_text(f'{{"size": [4, 4], "proposals": [{{"score": 1, "mask": {lengths}}}]}}')
    assert np.flatnonzero(read_proposals(tmp_path / "a.json").masks[0].T).tolist() == [5, 6]


def test_an_empty_list_is_no_proposal(tmp_path: Path) -> None:
    (tmp_path / "000003.json").write_text('{"size": [40, 60], "proposals": []}')
    assert FolderOfProposals(tmp_path)(frame()).masks.shape == (0, 40, 60)
