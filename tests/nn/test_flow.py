import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from longtake.nn.flow import at_multiple, at_scale, at_size, warp
from longtake.nn.raft import RaftSmall


def constant(x: float, y: float, b: int, h: int, w: int) -> Tensor:
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(b, 2, h, w).clone()


def moved(x: Tensor, right: int, down: int) -> Tensor:
    """The content of the place so far to the right and below, 0 where there is none."""
    h, w = x.shape[2:]
    out = torch.zeros_like(x)
    for i in range(h):
        for j in range(w):
            if 0 <= i + down < h and 0 <= j + right < w:
                out[..., i, j] = x[..., i + down, j + right]
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(-10, 10), st.integers(-10, 10), st.integers(0, 99))
def test_whole_pixels_move_masks_bit_by_bit(h: int, w: int, right: int, down: int, seed: int) -> None:
    masks = torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(warp(masks, constant(right, down, 2, h, w)), moved(masks, right, down))


def test_whole_pixels_are_exact_on_a_large_frame() -> None:
    masks = torch.rand(1, 1, 480, 854)
    found = warp(masks, constant(-37, 211, 1, 480, 854))
    assert torch.equal(found[..., :269, 37:], masks[..., 211:, :-37])
    assert found[..., 269:, :].count_nonzero() == found[..., :37].count_nonzero() == 0


def test_fractions_by_hand() -> None:
    x = torch.tensor([[1.0, 2, 4], [8, 16, 32]]).view(1, 1, 2, 3)
    found = warp(x, constant(0.25, 0.5, 1, 2, 3))[0, 0]
    assert found[0].tolist() == [
        0.5 * (0.75 * 1 + 0.25 * 2) + 0.5 * (0.75 * 8 + 0.25 * 16),
        0.5 * (0.75 * 2 + 0.25 * 4) + 0.5 * (0.75 * 16 + 0.25 * 32),
        0.5 * 0.75 * 4 + 0.5 * 0.75 * 32,  # nothing is to its right
    ]
    assert found[1].tolist() == [0.5 * (0.75 * 8 + 0.25 * 16), 0.5 * (0.75 * 16 + 0.25 * 32), 0.5 * 0.75 * 32]


def test_each_place_has_its_own_flow() -> None:
    x, flow = torch.arange(6.0).view(1, 1, 2, 3), torch.zeros(1, 2, 2, 3)
    flow[0, :, 0, 0] = torch.tensor([2.0, 1.0])
    flow[0, 0, 1, 2] = -1.5
    assert warp(x, flow).flatten().tolist() == [5, 1, 2, 3, 4, 3.5]


@pytest.mark.parametrize("size", [(2, 2), (5, 9), (33, 17)])
def test_equals_grid_sample_with_corners_aligned(size: tuple[int, int]) -> None:
    h, w = size
    x, flow = torch.rand(2, 3, h, w).double(), 8 * torch.randn(2, 2, h, w).double()
    across = 2 * (torch.arange(w) + flow[:, 0]) / (w - 1) - 1
    down = 2 * (torch.arange(h)[:, None] + flow[:, 1]) / (h - 1) - 1
    expected = F.grid_sample(x, torch.stack([across, down], dim=3), align_corners=True)
    torch.testing.assert_close(warp(x, flow), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
def test_sides_of_one_pixel(size: tuple[int, int]) -> None:
    x = torch.rand(1, 2, *size)
    assert torch.equal(warp(x, torch.zeros(1, 2, *size)), x)
    torch.testing.assert_close(warp(x[..., :1, :1], torch.full((1, 2, 1, 1), 0.5)), x[..., :1, :1] / 4)
    assert warp(x, torch.full((1, 2, *size), 7.0)).count_nonzero() == 0


@pytest.mark.parametrize("far", [1e9, 1e30, float("inf"), float("-inf")])
def test_far_outside_is_zero(far: float) -> None:
    assert torch.equal(warp(torch.ones(1, 1, 3, 4), constant(far, 0, 1, 3, 4)), torch.zeros(1, 1, 3, 4))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_half_precision_is_sampled_in_float32(kind: torch.dtype) -> None:
    x = torch.rand(1, 1, 4, 600).to(kind)
    found = warp(x, constant(-257, 0, 1, 4, 600))
    assert found.dtype is torch.float32
    assert torch.equal(found[..., 257:], x[..., :-257].float())


def test_masks_stay_between_0_and_1_and_gradients_pass() -> None:
    x = torch.rand(2, 2, 7, 6, dtype=torch.float64, requires_grad=True)
    flow = (3 * torch.randn(2, 2, 7, 6, dtype=torch.float64)).requires_grad_()
    found = warp(x, flow)
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.autograd.gradcheck(warp, (x, flow))


def seen_by(sizes: list[tuple[int, ...]], factor: int = 1):
    """A provider that notes the sizes it sees and answers 1 pixel to the right and 2 down, on a coarser grid."""

    def flow(current: Tensor, previous: Tensor) -> Tensor:
        sizes.append(tuple(current.shape[2:]))
        assert current.shape == previous.shape
        b, _, h, w = current.shape
        return constant(1, 2, b, -(-h // factor), -(-w // factor))

    return flow


def test_another_size_is_scaled_by_the_true_ratio_of_the_sides() -> None:
    sizes: list[tuple[int, ...]] = []
    current, previous = torch.rand(2, 2, 3, 9, 14)
    found = at_scale(seen_by(sizes), current, previous)
    assert sizes == [(4, 7)]
    torch.testing.assert_close(found, constant(14 / 7, 2 * 9 / 4, 2, 9, 14))
    found = at_multiple(seen_by(sizes, factor=2), current, previous, multiple=32)
    assert sizes[1:] == [(32, 32)]
    torch.testing.assert_close(found, constant(14 / 32, 2 * 9 / 32, 2, 9, 14))
    assert at_multiple(seen_by(sizes), current, previous, multiple=8, least=128).shape == (2, 2, 9, 14)
    assert sizes[2:] == [(128, 128)]


def test_the_own_size_changes_nothing() -> None:
    current, previous = torch.rand(2, 1, 3, 8, 16)
    given_images: list[Tensor] = []

    def flow(one: Tensor, other: Tensor) -> Tensor:
        given_images.extend([one, other])
        return one[:, :2]

    assert torch.equal(at_size(flow, current, previous, (8, 16)), current[:, :2])
    assert torch.equal(given_images[0], current)
    assert torch.equal(given_images[1], previous)


@pytest.mark.parametrize("size", [(1, 1), (1, 3)])
def test_a_scale_leaves_at_least_one_pixel(size: tuple[int, int]) -> None:
    sizes: list[tuple[int, ...]] = []
    images = torch.rand(1, 3, *size)
    assert at_scale(seen_by(sizes), images, images, scale=0.1).shape == (1, 2, *size)
    assert sizes == [(1, 1)]


@pytest.mark.parametrize("size", [(1, 1), (37, 150)])
def test_raft_takes_any_size(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network, (current, previous) = RaftSmall().eval(), torch.rand(2, 2, 3, *size)
    with torch.inference_mode():
        found = network(current, previous)
        torch.testing.assert_close(network(current[:1], previous[:1]), found[:1], atol=1e-3, rtol=1e-3)
    assert found.shape == (2, 2, *size)
    assert found.isfinite().all()
    assert sum(p.numel() for p in network.parameters()) == 990162
