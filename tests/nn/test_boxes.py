"""Boxes about masks, crops within them, and maps moved from one box to another."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtake.nn.boxes import cropped, resampled, tight_boxes, widened


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 16)), max_size=6))
def test_tight_boxes_hold_all_that_is_marked_and_nothing_less_does(points: list[tuple[int, int]]) -> None:
    inside = torch.zeros(1, 1, 12, 17, dtype=torch.bool)
    for y, x in points:
        inside[0, 0, y, x] = True
    boxes, seen = tight_boxes(inside)
    rows, columns = np.nonzero(inside[0, 0].numpy())
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if points else [0, 0, 0, 0]
    assert boxes[0, 0].tolist() == expected
    assert bool(seen[0, 0]) is bool(points)


coordinate = st.floats(-80, 160, allow_nan=False, width=32)


@given(coordinate, coordinate, st.floats(0, 200, width=32), st.floats(0, 200, width=32), st.sampled_from([1.0, 1.5]))
def test_widened_boxes_lie_in_the_frame_and_have_the_least_side(
    x: float, y: float, wide: float, tall: float, factor: float
) -> None:
    """Boxes of no size, and boxes outside of the frame, too."""
    box = widened(torch.tensor([[x, y, x + wide, y + tall]]), factor, 16.0, (48, 64))[0]
    assert 0 <= box[0] < box[2] <= 64
    assert 0 <= box[1] < box[3] <= 48
    assert (box[2:] - box[:2] >= 16 - 1e-4).all()


def test_a_box_within_the_frame_stays_as_it_is() -> None:
    box = torch.tensor([[[10.0, 4.0, 40.0, 30.0]]])
    assert torch.equal(widened(box, 1.0, 16.0, (48, 64)), box)
    assert widened(box, 1.5, 16.0, (48, 64)).tolist() == [[[2.5, 0.0, 47.5, 36.5]]]
    assert widened(torch.zeros(1, 1, 4), 1.0, 16.0, (8, 64)).tolist() == [[[0.0, 0.0, 16.0, 8.0]]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_crop_of_a_slope_is_that_slope(dtype: torch.dtype) -> None:
    """RoIAlign's cells show the means of what they cover, in pixels of the frame."""
    columns = (torch.arange(32, dtype=dtype) + 0.5) * 4
    maps = columns.expand(1, 1, 24, 32).clone()
    crops = cropped(maps, torch.tensor([[[16.0, 8.0, 72.0, 64.0]]]), 14, 4)
    expected = 16 + (torch.arange(14, dtype=dtype) + 0.5) * 4
    torch.testing.assert_close(crops, expected.expand(1, 1, 1, 14, 14))


def test_each_clip_of_a_batch_has_its_own_crops() -> None:
    maps = torch.arange(3.0)[:, None, None, None].expand(3, 2, 8, 8)
    crops = cropped(maps, torch.rand(3, 5, 4) * 8 + torch.tensor([0.0, 0.0, 16.0, 16.0]), 3, 4)
    assert crops.shape == (3, 5, 2, 3, 3)
    torch.testing.assert_close(crops, torch.arange(3.0)[:, None, None, None, None].expand_as(crops))


def test_a_mask_moved_by_whole_cells_is_the_same_mask_elsewhere() -> None:
    masks = torch.zeros(1, 12, 16)
    masks[0, 2:6, 3:9] = torch.rand(4, 6)
    source = torch.tensor([[3.0, 2.0, 9.0, 6.0]])
    targets = 4 * torch.tensor([[[3.0, 2.0, 9.0, 6.0], [5.0, 6.0, 11.0, 10.0], [13.0, 2.0, 19.0, 6.0]]])
    same, moved, leaving = resampled(masks, source, targets, (12, 16), 4)[0]
    torch.testing.assert_close(same, masks[0])
    torch.testing.assert_close(moved, masks[0].roll((4, 2), (0, 1)))
    torch.testing.assert_close(leaving[2:6, 13:], masks[0, 2:6, 3:6])


def test_a_mask_twice_as_large_covers_four_times_as_much() -> None:
    masks = torch.zeros(1, 24, 24)
    masks[0, 8:12, 8:12] = 1
    targets = 4 * torch.tensor([[[6.0, 6.0, 14.0, 14.0]]])
    larger = resampled(masks, torch.tensor([[8.0, 8.0, 12.0, 12.0]]), targets, (24, 24), 4)[0, 0]
    assert larger.sum() == pytest.approx(64, abs=1e-4)
    assert (larger[7:13, 7:13] == 1).all()
