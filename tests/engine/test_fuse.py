"""Two predictions made one, against values by hand."""

import numpy as np

from longtake.engine.fuse import fuse


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def ids(*values: int) -> np.ndarray:
    return np.array([values], np.uint16)


def test_distance_and_confidence_decide() -> None:
    forward, backward = (ids(1, 1, 0, 2), row(0.9, 0.6, 0.9, 0.5)), (ids(2, 2, 1, 2), row(0.9, 0.9, 0.8, 0.7))
    labels, certainty = fuse(forward, backward, 0.25, ((1, 2), (1, 2)))
    # weights: 0.675 against 0.225, 0.45 against 0.225, 0.675 against 0.2; where both agree, the mean by distance
    assert labels.tolist() == [[1, 1, 0, 2]]
    np.testing.assert_allclose(certainty, row(0.9, 0.6, 0.9, 0.55), rtol=1e-6)
    labels, certainty = fuse(forward, backward, 0.75, ((1, 2), (1, 2)))
    assert labels.tolist() == [[2, 2, 1, 2]]
    np.testing.assert_allclose(certainty, row(0.9, 0.9, 0.8, 0.65), rtol=1e-6)


def test_who_alone_knows_an_object_is_believed() -> None:
    forward, backward = (ids(0, 3, 1), row(0.99, 0.4, 0.9)), (ids(5, 0, 5), row(0.3, 0.99, 0.3))
    labels, _ = fuse(forward, backward, 0.5, ((1, 3), (1, 5)))
    assert labels.tolist() == [[5, 3, 5]]


def test_at_the_ends_one_side_alone_counts() -> None:
    forward, backward = (ids(1, 2), row(0.1, 0.1)), (ids(2, 1), row(0.9, 0.9))
    assert fuse(forward, backward, 0.0, ((1, 2), (1, 2)))[0].tolist() == [[1, 2]]
    assert fuse(forward, backward, 1.0, ((1, 2), (1, 2)))[0].tolist() == [[2, 1]]
