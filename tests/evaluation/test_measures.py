import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longtake.evaluation.bits import Bits, Objects, dilate
from longtake.evaluation.boundary import boundary_map, contour_accuracy, tolerance_radius
from longtake.evaluation.region import region_similarity
from longtake.evaluation.scoring import score_frame
from longtake.evaluation.statistics import bin_edges, decay, recall, stability

MASKS = arrays(bool, (9, 11))
LABELS = arrays(np.uint8, (40, 50), elements=st.sampled_from([0, 0, 0, 1, 2, 7]))
EMPTY, FULL = np.zeros((6, 6), bool), np.ones((6, 6), bool)


def square(top: int, left: int, side: int = 2, size: int = 6) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def blobs(seed: int, height: int, width: int) -> np.ndarray:
    """Three ids in discs of many sizes, some of them across the border."""
    random = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.uint8)
    for _ in range(random.integers(0, 9)):
        y, x, radius = random.integers(0, height), random.integers(0, width), random.integers(1, 60)
        labels[(ys - y) ** 2 + (xs - x) ** 2 < radius**2] = random.integers(0, 4)
    return labels


def plain_contour_accuracy(prediction: np.ndarray, truth: np.ndarray) -> float:
    """The definition, over the whole frame and pixel by pixel."""
    height, width = truth.shape
    radius = math.ceil(0.008 * math.hypot(height, width))
    lines = []
    for mask in (prediction, truth):
        wide = np.pad(mask, ((0, 1), (0, 1)))
        east, south, both = wide[:-1, 1:], wide[1:, :-1], wide[1:, 1:]
        line = (mask ^ east) | (mask ^ south) | (mask ^ both)
        line[-1] = mask[-1] ^ east[-1]
        line[:, -1] = mask[:, -1] ^ south[:, -1]
        line[-1, -1] = False
        lines.append(np.argwhere(line))
    ours, theirs = lines
    if not len(ours) or not len(theirs):
        return float(len(ours) == len(theirs))
    near = ((ours[:, None] - theirs[None]) ** 2).sum(axis=2) <= radius**2
    precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def test_region_similarity_by_hand() -> None:
    assert region_similarity(square(2, 2), square(2, 3)) == pytest.approx(2 / 6)
    assert region_similarity(EMPTY, EMPTY) == 1
    assert region_similarity(square(0, 0), EMPTY) == 0
    assert region_similarity(square(0, 0), FULL) == pytest.approx(4 / 36)


def test_void_pixels_count_for_neither_mask() -> None:
    right = square(2, 3) & ~square(2, 2)
    assert region_similarity(square(2, 2), square(2, 3), void=right) == pytest.approx(2 / 4)
    assert region_similarity(square(2, 2), EMPTY, void=FULL) == 1
    assert contour_accuracy(square(2, 2), EMPTY, void=FULL) == 1


def test_the_boundary_of_a_square_is_a_ring() -> None:
    ring = square(1, 1, 3) & ~square(2, 2, 1)
    assert np.array_equal(boundary_map(square(2, 2)), ring)
    assert ring.sum() == 8


def test_a_full_image_has_no_boundary() -> None:
    assert not boundary_map(FULL).any()
    assert contour_accuracy(FULL, EMPTY) == 1


def test_contour_accuracy_of_the_edge_cases() -> None:
    assert contour_accuracy(EMPTY, EMPTY) == 1
    assert contour_accuracy(square(2, 2), EMPTY) == 0
    assert contour_accuracy(EMPTY, square(2, 2)) == 0
    assert contour_accuracy(square(2, 2), FULL) == 0


def test_the_tolerance_at_480p_and_720p() -> None:
    assert (tolerance_radius(480, 854), tolerance_radius(720, 1280)) == (8, 12)


def test_contour_accuracy_by_hand() -> None:
    """Radius 1: all 8 pixels of the small ring are near the wide one of 12, whose last column is 2 pixels away."""
    narrow, wide = square(2, 1, 2), square(2, 1, 2) | square(2, 3, 2)
    assert (boundary_map(narrow).sum(), boundary_map(wide).sum()) == (8, 12)
    ours = np.argwhere(boundary_map(narrow))
    theirs = np.argwhere(boundary_map(wide))
    close = ((ours[:, None] - theirs[None]) ** 2).sum(axis=2) <= 1
    assert close.any(axis=1).sum() == 8
    assert contour_accuracy(narrow, wide) == pytest.approx(2 * 1 * (9 / 12) / (1 + 9 / 12))


@given(MASKS)
def test_a_mask_agrees_with_itself(mask: np.ndarray) -> None:
    assert region_similarity(mask, mask) == 1
    assert contour_accuracy(mask, mask) == 1


@given(MASKS, MASKS)
def test_measures_are_symmetric_and_in_range(a: np.ndarray, b: np.ndarray) -> None:
    for measure in (region_similarity, contour_accuracy):
        assert 0 <= measure(a, b) <= 1
        assert measure(a, b) == pytest.approx(measure(b, a))


@given(MASKS, MASKS)
def test_cutting_changes_nothing(a: np.ndarray, b: np.ndarray) -> None:
    assert contour_accuracy(a, b) == pytest.approx(plain_contour_accuracy(a, b), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(100, 150), st.integers(120, 200))
def test_cutting_changes_nothing_with_larger_objects(first: int, second: int, height: int, width: int) -> None:
    prediction, truth = blobs(first, height, width), blobs(second, height, width)
    (scores,) = score_frame([prediction], truth, [1, 2, 3])
    for name, (j, f) in scores.items():
        ours, theirs = prediction == name, truth == name
        union = (ours | theirs).sum()
        assert j == (pytest.approx((ours & theirs).sum() / union) if union else 1)
        assert f == pytest.approx(plain_contour_accuracy(ours, theirs), abs=1e-12)


@given(LABELS, LABELS)
def test_scores_do_not_depend_on_the_ids(prediction: np.ndarray, truth: np.ndarray) -> None:
    names = {1: 30, 2: 1, 7: 254}
    table = np.zeros(256, np.uint8)
    table[list(names)] = list(names.values())
    (plain,) = score_frame([prediction], truth, list(names))
    (renamed,) = score_frame([table[prediction]], table[truth], list(names.values()))
    assert list(plain.values()) == list(renamed.values())


@given(arrays(bool, (7, 150)), st.integers(0, 3))
def test_bits_hold_every_pixel(mask: np.ndarray, margin: int) -> None:
    bits = Bits.of(mask, margin=margin)
    assert np.array_equal(bits.pixels(7, 150), mask)
    assert bits.area == mask.sum() == bits.common(bits)


@pytest.mark.parametrize("radius", [1, 8, 12, 70])
def test_dilation_is_by_a_disk(radius: int) -> None:
    """Also across words, and by more than a word."""
    random = np.random.default_rng(radius)
    mask = np.zeros((200, 300), bool)
    mask[random.integers(80, 120, 9), random.integers(80, 220, 9)] = True
    steps = np.arange(-radius, radius + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.uint8)
    wanted = cv2.dilate(mask.view(np.uint8), disk).astype(bool)
    assert np.array_equal(dilate(Bits.of(mask), radius).pixels(200, 300), wanted)


def test_an_object_is_cut_to_its_own_place() -> None:
    labels = np.zeros((480, 854), np.uint8)
    labels[20:30, 40:45], labels[400:420, 700:730] = 3, 9
    near, far, none = (Objects(labels).cut(name) for name in (3, 9, 4))
    assert (near.words.shape, near.top, near.left) == ((12, 1), 19, 0)
    assert (far.words.shape, far.top, far.left) == ((22, 2), 399, 10)
    assert (near.area, far.area, none.area) == (50, 600, 0)
    assert np.array_equal(far.pixels(480, 854), labels == 9)


@given(st.integers(1, 5))
def test_an_overlap_shrinks_with_the_shift(shift: int) -> None:
    still = square(0, 0, 6, 12)
    assert region_similarity(np.roll(still, shift, 1), still) < region_similarity(np.roll(still, shift - 1, 1), still)


@pytest.mark.parametrize(
    ("count", "edges"),
    [
        (1, [0, 0, 0, 0, 0]),
        (2, [0, 0, 1, 1, 1]),
        (3, [0, 1, 1, 2, 2]),
        (4, [0, 1, 2, 2, 3]),
        (5, [0, 1, 2, 3, 4]),
        (100, [0, 25, 50, 74, 99]),
    ],
)
def test_the_quarters_of_decay(count: int, edges: list[int]) -> None:
    assert bin_edges(count) == edges


def test_decay_by_hand() -> None:
    assert decay([1.0, 0.8, 0.5, 0.4, 0.2]) == pytest.approx((1 + 0.8) / 2 - (0.4 + 0.2) / 2)
    assert decay([0.3]) == 0
    assert math.isnan(decay([]))


def test_decay_of_long_sequences_only_wraps_on_demand() -> None:
    falling = list(np.linspace(1, 0, 400))
    assert decay(falling) == pytest.approx(np.mean(falling[:101]) - np.mean(falling[299:]))
    assert decay(falling, wrapped=True) == pytest.approx(np.mean(falling[:101]) - np.mean(falling[43:144]))
    assert decay(falling[:256]) == decay(falling[:256], wrapped=True)


def test_recall_is_strict() -> None:
    assert recall([0.5, 0.51, 1.0, 0.0]) == 0.5


def test_stability_by_hand() -> None:
    """S is 1, 0.5, 0: variance 1/6, whose root is 0.40825; 0.1667 rounded, whose root is 0.40829."""
    j, f = [1.0, 0.4, 0.0], [1.0, 0.6, 0.0]
    assert stability(j, f) == pytest.approx(math.sqrt(1 / 6))
    assert stability(j, f, rounded=True) == pytest.approx(math.sqrt(0.1667))
