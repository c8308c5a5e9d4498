import pytest
import torch
from torch import Tensor, nn

from longtake.nn import liteflownet
from longtake.nn.liteflownet import KERNELS, LEVELS, LiteFlowNet, Matching, Regularisation, Subpixel, correlation


@pytest.fixture(scope="module")
def network() -> LiteFlowNet:
    """Random weights, made small enough for flows of some pixels."""
    torch.manual_seed(0)
    return LiteFlowNet().eval()


def literal_correlation(first: Tensor, second: Tensor, reach: int, step: int) -> Tensor:
    b, _, h, w = first.shape
    rows, columns, offsets = range(0, h, step), range(0, w, step), range(-reach * step, reach * step + 1, step)
    out = torch.zeros(b, len(offsets) ** 2, len(rows), len(columns), dtype=first.dtype)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            for d, (dy, dx) in enumerate((dy, dx) for dy in offsets for dx in offsets):
                if 0 <= y + dy < h and 0 <= x + dx < w:
                    out[:, d, i, j] = (first[:, :, y, x] * second[:, :, y + dy, x + dx]).mean(dim=1)
    return out


@pytest.mark.parametrize("size", [(1, 1), (4, 5), (7, 2)])
@pytest.mark.parametrize(("reach", "step"), [(3, 1), (3, 2), (1, 3)])
def test_correlation_equals_the_literal_one(size: tuple[int, int], reach: int, step: int) -> None:
    first, second = torch.randn(2, 2, 3, *size).double()
    torch.testing.assert_close(
        correlation(first, second, reach, step), literal_correlation(first, second, reach, step), atol=1e-12, rtol=0
    )


def test_the_largest_correlation_names_the_displacement() -> None:
    second = torch.randn(1, 64, 12, 12)
    first = second.roll((-2, 1), dims=(2, 3))  # first(y, x) = second(y + 2, x - 1)
    assert (correlation(first, second).argmax(dim=1)[0, 4:8, 4:8] == (2 + 3) * 7 + (-1 + 3)).all()


@pytest.mark.parametrize("level", [2, 3])
def test_deconvolution_brings_the_coarse_correlation_back(level: int) -> None:
    matching = Matching(level)
    assert matching.enlarge_correlation(torch.rand(1, 49, 3, 5)).shape == (1, 49, 6, 10)
    assert correlation(torch.rand(1, 2, 5, 7), torch.rand(1, 2, 5, 7), step=matching.step).shape == (1, 49, 3, 4)
    assert matching.enlarge_flow is not None
    assert matching.enlarge_flow(torch.rand(1, 2, 3, 5)).shape == (1, 2, 6, 10)


@pytest.mark.parametrize(("level", "pixels"), [(2, 10), (3, 5), (4, 2.5), (5, 1.25), (6, 0.625)])
def test_units_and_channels_of_every_level(level: int, pixels: float) -> None:
    matching, subpixel, smoothing = Matching(level), Subpixel(level), Regularisation(level)
    assert matching.pixels == subpixel.pixels == smoothing.pixels == pixels
    assert (matching.enlarge_flow is None) == (level == 6)
    assert subpixel.head[0].in_channels == {2: 130, 3: 130, 4: 194, 5: 258, 6: 386}[level]
    assert smoothing.body[0].in_channels == (195 if level == 6 else 131)
    assert len(smoothing.distance) == (2 if level < 5 else 1)
    assert smoothing.scale_x.in_channels == KERNELS[level] ** 2


def test_parameters_are_as_many_as_published(network: LiteFlowNet) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == 5_381_969


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (64, 96)])
def test_any_size_and_a_batch_as_its_pairs(network: LiteFlowNet, size: tuple[int, int]) -> None:
    current, previous = torch.rand(2, 2, 3, *size)
    before = current.clone(), previous.clone()
    with torch.inference_mode():
        both = network(current, previous)
        single = torch.cat([network(current[i : i + 1], previous[i : i + 1]) for i in range(2)])
    assert both.shape == (2, 2, *size)
    assert both.isfinite().all()
    torch.testing.assert_close(both, single, atol=1e-4, rtol=1e-4)
    assert torch.equal(current, before[0])
    assert torch.equal(previous, before[1])


def test_autocast_keeps_flow_in_float32(network: LiteFlowNet) -> None:
    current, previous = torch.rand(2, 1, 3, 32, 64)
    with torch.inference_mode():
        whole = network(current, previous)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(current, previous)
    assert half.dtype is torch.float32
    torch.testing.assert_close(half, whole, atol=0.05 * whole.abs().max().item(), rtol=0)


def test_no_gradient_mode_is_chosen(network: LiteFlowNet) -> None:
    current = torch.rand(1, 3, 32, 32, requires_grad=True)
    network(current, torch.rand(1, 3, 32, 32)).sum().backward()
    assert current.grad is not None
    assert current.grad.count_nonzero() > 0


def smoothing_of(level: int, scale: float = 1.0) -> Regularisation:
    """With the scales that make a plain weighted mean of it."""
    smoothing = Regularisation(level)
    for scales in (smoothing.scale_x, smoothing.scale_y):
        nn.init.constant_(scales.weight, scale)
        nn.init.zeros_(scales.bias)
    return smoothing


@pytest.mark.parametrize("level", LEVELS)
@torch.no_grad()
def test_equal_distances_make_a_box_filter(level: int) -> None:
    kernel, flow = KERNELS[level], torch.randn(2, 2, 9, 11)
    found = smoothing_of(level).averaged(flow, torch.full((2, kernel**2, 9, 11), 3.0))
    expected = nn.functional.avg_pool2d(flow, kernel, stride=1, padding=kernel // 2, count_include_pad=True)
    torch.testing.assert_close(found, expected)


@torch.no_grad()
def test_the_nearest_neighbour_alone_is_taken_where_others_are_far() -> None:
    flow, distance = torch.randn(1, 2, 4, 6), torch.full((1, 9, 4, 6), 100.0)
    distance[:, 5] = 50.0  # one to the right; exp of neither is a float's
    found = smoothing_of(5).averaged(flow, distance)
    torch.testing.assert_close(found[..., :-1], flow[..., 1:])
    assert found[..., -1].count_nonzero() == 0


@torch.no_grad()
def test_an_average_by_hand() -> None:
    smoothing = smoothing_of(6, scale=2.0)
    smoothing.scale_y.bias.fill_(0.5)
    flow = torch.arange(18.0).view(1, 2, 3, 3)
    distance = torch.linspace(-1, 1, 9).view(1, 9, 1, 1).expand(1, 9, 3, 3)
    weights = (-(distance[0, :, 0, 0] ** 2)).exp()  # the middle one is 1, the largest
    found = smoothing.averaged(flow, distance)[0, :, 1, 1]
    expected = 2 * (weights * flow.flatten(2)).sum(dim=2)[0] / weights.sum()
    torch.testing.assert_close(found, expected + torch.tensor([0.0, 0.5 / weights.sum()]))


def test_images_are_seen_in_blue_green_red_without_their_means(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    network = LiteFlowNet()
    network.pyramid[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    with torch.inference_mode():
        network(red, red)
    expected = torch.tensor([0.0, 0, 1]) - torch.tensor(liteflownet.MEANS)
    torch.testing.assert_close(seen[0], expected[..., None, None].expand(2, 3, 32, 32))


@torch.no_grad()
def test_flow_that_warps_the_second_features_is_in_pixels_of_the_level() -> None:
    subpixel = Subpixel(3)
    seen: list[Tensor] = []
    subpixel.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    first, second = torch.rand(2, 1, 64, 8, 8)
    flow = (
        torch.tensor([2 / 5, -1 / 5]).view(1, 2, 1, 1).expand(1, 2, 8, 8).contiguous()
    )  # 8 and -4 pixels of the image
    subpixel(first, second, flow)
    torch.testing.assert_close(seen[0][:, :64], first)
    torch.testing.assert_close(seen[0][:, 64:128, 1:, :6], second[:, :, :-1, 2:])
    assert torch.equal(seen[0][:, 128:], flow)


@torch.no_grad()
def test_the_flow_is_20_pixels_for_a_one_and_scaled_to_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    network = LiteFlowNet()
    monkeypatch.setattr(
        network.levels[0].regularisation, "forward", lambda features, first, second, flow: torch.ones_like(flow)
    )
    found = network(torch.rand(1, 3, 24, 40), torch.rand(1, 3, 24, 40))
    torch.testing.assert_close(found[:, 0], torch.full((1, 24, 40), 20 * 40 / 64))
    torch.testing.assert_close(found[:, 1], torch.full((1, 24, 40), 20 * 24 / 32))
