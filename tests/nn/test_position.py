import math

import pytest
import torch

from longtake.nn.position import moments, sinusoid


def test_rows_then_columns_as_sines_and_cosines() -> None:
    table = sinusoid(3, 2, 8, torch.zeros(1))
    assert table.shape == (6, 8)
    last, slow = 2 * math.pi, 2 * math.pi / 100
    half = math.pi
    rows = [math.sin(half), math.cos(half), math.sin(half / 100), math.cos(half / 100)]
    columns = [math.sin(last), math.cos(last), math.sin(slow), math.cos(slow)]
    torch.testing.assert_close(table[3], torch.tensor(rows + columns), atol=1e-5, rtol=0)  # row 1, column 1
    torch.testing.assert_close(table[0], torch.tensor([0.0, 1, 0, 1, 0, 1, 0, 1]))


def test_one_row_has_a_place_too() -> None:
    assert torch.isfinite(sinusoid(1, 1, 4, torch.zeros(1))).all()


def test_moments_are_sines_and_cosines_of_the_offset() -> None:
    found = moments(torch.tensor([0.0, 3.0]), 6)
    assert found[0].tolist() == [0, 1, 0, 1, 0, 1]
    for i in range(3):
        angle = 3 / 10000 ** (2 * i / 6)
        assert found[1, 2 * i : 2 * i + 2].tolist() == pytest.approx([math.sin(angle), math.cos(angle)])
