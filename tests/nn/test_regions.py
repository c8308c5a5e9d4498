"""Regions cover what is marked, and no more than they need."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from longtake.nn.regions import Region, regions

MARKS = arrays.arrays(bool, st.tuples(st.just(2), st.just(3), st.integers(1, 9), st.integers(1, 9)))


def covered(found: list[Region], shape: tuple[int, ...]) -> np.ndarray:
    """Where regions lie."""
    inside = torch.zeros(shape, dtype=torch.bool)
    for region in found:
        region.put(inside, torch.ones(1, 1, *region.size, dtype=torch.bool))
    return inside.numpy()


@given(MARKS, st.integers(0, 3))
def test_all_that_is_marked_is_covered_with_its_margin(marks: np.ndarray, margin: int) -> None:
    found = list(regions(torch.from_numpy(marks), margin))
    inside = covered(found, marks.shape)
    for clip, column, y, x in np.argwhere(marks):
        rows, columns = slice(max(0, y - margin), y + margin + 1), slice(max(0, x - margin), x + margin + 1)
        assert inside[clip, column, rows, columns].all()
    assert not inside[~marks.any(axis=(2, 3))].any()


@given(MARKS, st.integers(0, 3))
def test_no_two_regions_of_an_object_take_more_room_than_one_about_both(marks: np.ndarray, margin: int) -> None:
    found = list(regions(torch.from_numpy(marks), margin))
    for k, one in enumerate(found):
        for other in found[:k]:
            if (one.clip, one.column) == (other.clip, other.column):
                a, b = one.inner, other.inner
                rows, columns = (max(a[k + 1], b[k + 1]) - min(a[k], b[k]) for k in (0, 2))
                assert rows * columns > sum((c[1] - c[0]) * (c[3] - c[2]) for c in (a, b))


def test_two_parts_far_apart_are_two_regions() -> None:
    marks = torch.zeros(1, 1, 20, 30, dtype=torch.bool)
    marks[0, 0, 2:4, 3:5] = marks[0, 0, 15, 25] = True
    assert sorted(regions(marks, 1), key=lambda region: region.box) == [
        Region(0, 0, (0, 7, 0, 8), (1, 5, 2, 6)),
        Region(0, 0, (12, 19, 22, 29), (14, 17, 24, 27)),
    ]


def test_a_region_of_finer_maps() -> None:
    region, maps = Region(1, 0, (1, 2, 0, 2), (1, 2, 1, 2)), torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    assert torch.equal(region.own(maps, 2), maps[1:2, 0:1, 2:4, 0:4])
    assert torch.equal(region.frame(maps, 2), maps[1:2, :, 2:4, 0:4])
    assert torch.equal(region.whose(maps), maps[1:2, 0:1])
    kept = torch.zeros_like(maps)
    region.put(kept, region.own(maps, 2), 2)
    assert torch.equal(kept[1, 0, 2:4, 2:4], maps[1, 0, 2:4, 2:4])
    assert torch.count_nonzero(kept) == 4
