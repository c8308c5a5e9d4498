import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longtake.evaluation.boundary import boundary_map, contour_accuracy, tolerance_radius
from longtake.evaluation.region import region_similarity

MASKS = arrays(bool, (9, 11))
EMPTY, FULL = np.zeros((6, 6), bool), np.ones((6, 6), bool)


def square(top: int, left: int, side: int = 2, size: int = 6) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_region_similarity_by_hand() -> None:
    assert region_similarity(square(2, 2), square(2, 3)) == pytest.approx(2 / 6)
    assert region_similarity(EMPTY, EMPTY) == 1
    assert region_similarity(square(0, 0), EMPTY) == 0


def test_the_boundary_of_a_square_is_a_ring() -> None:
    ring = square(1, 1, 3) & ~square(2, 2, 1)
    assert np.array_equal(boundary_map(square(2, 2)), ring)


def test_a_full_image_has_no_boundary() -> None:
    assert not boundary_map(FULL).any()
    assert contour_accuracy(FULL, EMPTY) == 1


def test_contour_accuracy_of_the_edge_cases() -> None:
    assert contour_accuracy(EMPTY, EMPTY) == 1
    assert contour_accuracy(square(2, 2), EMPTY) == 0
    assert contour_accuracy(EMPTY, square(2, 2)) == 0


def test_the_tolerance_at_480p_and_720p() -> None:
    assert (tolerance_radius(480, 854), tolerance_radius(720, 1280)) == (8, 12)


def test_contour_accuracy_by_hand() -> None:
    """Radius 1 on 6x6. Of the ring about the wide box, the middle column lies two pixels from the other ring."""
    narrow, wide = square(2, 1, 2), square(2, 1, 2) | square(2, 3, 2)
    ours, theirs = boundary_map(narrow), boundary_map(wide)
    near = sum(
        any(theirs[y2, x2] and (y - y2) ** 2 + (x - x2) ** 2 <= 1 for y2 in range(6) for x2 in range(6))
        for y, x in np.argwhere(ours)
    )
    found = sum(
        any(ours[y2, x2] and (y - y2) ** 2 + (x - x2) ** 2 <= 1 for y2 in range(6) for x2 in range(6))
        for y, x in np.argwhere(theirs)
    )
    precision, recall = near / ours.sum(), found / theirs.sum()
    assert contour_accuracy(narrow, wide) == pytest.approx(2 * precision * recall / (precision + recall))
    assert recall < 1


@given(MASKS)
def test_a_mask_agrees_with_itself(mask: np.ndarray) -> None:
    assert region_similarity(mask, mask) == 1
    assert contour_accuracy(mask, mask) == 1


@given(MASKS, MASKS)
def test_measures_are_symmetric_and_in_range(a: np.ndarray, b: np.ndarray) -> None:
    for measure in (region_similarity, contour_accuracy):
        assert 0 <= measure(a, b) <= 1
        assert measure(a, b) == pytest.approx(measure(b, a))


@given(st.integers(1, 5))
def test_an_overlap_shrinks_with_the_shift(shift: int) -> None:
    still = square(0, 0, 6, 12)
    assert region_similarity(np.roll(still, shift, 1), still) < region_similarity(np.roll(still, shift - 1, 1), still)
