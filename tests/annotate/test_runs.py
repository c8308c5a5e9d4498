"""Masks as run lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longtake.annotate.runs import decode_mask, encode_labels, encode_mask
from longtake.errors import MaskError

SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7))


@given(arrays(np.bool_, SIZES))
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    runs = encode_mask(mask)
    assert sum(runs) == mask.size
    assert sum(runs[1::2]) == mask.sum()
    assert np.array_equal(decode_mask(runs, *mask.shape), mask)


@given(arrays(np.uint16, SIZES, elements=st.sampled_from([0, 1, 2, 300, 65535])))
def test_ids_come_back(labels: np.ndarray) -> None:
    runs = encode_labels(labels)
    assert np.array_equal(np.repeat(runs[::2], runs[1::2]).reshape(labels.shape), labels)
    assert all(one != other for one, other in zip(runs[::2], runs[2::2], strict=False))


def test_by_hand() -> None:
    assert encode_mask(np.array([[1, 1, 0], [0, 1, 0]], bool)) == [0, 2, 2, 1, 1]
    assert encode_labels(np.array([[7, 7, 0], [0, 0, 9]], np.uint16)) == [7, 2, 0, 3, 9, 1]


@pytest.mark.parametrize("runs", [[], [5], [7], [-1, 7], [3, 3, 1]])
def test_runs_that_do_not_cover_the_rectangle_are_refused(runs: list[int]) -> None:
    with pytest.raises(MaskError, match="they must cover it"):
        decode_mask(runs, 2, 3)
