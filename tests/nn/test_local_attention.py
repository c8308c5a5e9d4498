import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from longtake.nn import local_attention
from longtake.nn.local_attention import LocalAttention
from unfolded import unfolded, unfolded_weights

SIZES = [(1, 1), (1, 9), (5, 3), (8, 8), (9, 17), (31, 55)]


def build(width: int, heads: int, radius: int) -> LocalAttention:
    attention = LocalAttention(width, heads, radius)
    nn.init.normal_(attention.relative_value)
    return attention


def inputs(b: int, h: int, w: int, c: int) -> list[Tensor]:
    return [torch.randn(b, h, w, c) for _ in range(3)]


@pytest.mark.parametrize("at_once", [1, 2**22])
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_literal_one(size: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_attention, "AT_ONCE", at_once)
    attention, given = build(16, heads=2, radius=7), inputs(2, *size, 16)
    with torch.inference_mode():
        torch.testing.assert_close(attention(*given), unfolded(attention, *given), atol=1e-5, rtol=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2), st.integers(1, 20), st.integers(1, 20), st.integers(1, 3), st.integers(0, 4))
def test_equals_the_literal_one_at_any_size(b: int, h: int, w: int, heads: int, radius: int) -> None:
    attention, some = build(4 * heads, heads, radius).double(), [x.double() for x in inputs(b, h, w, 4 * heads)]
    with torch.inference_mode():
        torch.testing.assert_close(attention(*some), unfolded(attention, *some), atol=1e-12, rtol=0)


@pytest.mark.parametrize("at_once", [1, 2**22])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (9, 17)])
def test_gradients_equal_the_literal_ones(size: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_attention, "AT_ONCE", at_once)
    attention = build(6, heads=2, radius=3).double()
    given = [x.double().requires_grad_() for x in inputs(2, *size, 6)]
    wanted = torch.randn(2, *size, 6).double()
    leaves = [*given, *attention.parameters()]
    found, expected = (
        torch.autograd.grad((way(*given) * wanted).sum(), leaves)
        for way in (attention, lambda *x: unfolded(attention, *x))
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_gradcheck() -> None:
    attention = build(2, heads=1, radius=1).double()
    assert torch.autograd.gradcheck(attention, [x.double().requires_grad_() for x in inputs(1, 2, 3, 2)])


def test_a_corner_sees_four_positions() -> None:
    attention = LocalAttention(1, heads=1, radius=1)
    for parameter in attention.parameters():
        nn.init.zeros_(parameter)
    nn.init.ones_(attention.projection.weight)
    attention.relative_key.bias.data[5] = math.log(2)  # one to the right counts twice
    attention.relative_value.data[0, 0, 4] = 0.5  # read with the position itself
    value = torch.arange(9.0).view(1, 3, 3, 1)
    out = attention(torch.ones(1, 3, 3, 1), torch.zeros(1, 3, 3, 1), value)[0, :, :, 0]
    assert out[0, 0].item() == pytest.approx((0 + 2 * 1 + 3 + 4 + 0.5) / 5)
    assert out[2, 2].item() == pytest.approx((4 + 5 + 7 + 8 + 0.5) / 4)  # nothing is to its right
    assert out[1, 1].item() == pytest.approx((36 + 5 + 0.5) / 10)


def test_the_query_of_relative_key_is_not_scaled() -> None:
    attention = LocalAttention(4, heads=1, radius=1)
    nn.init.zeros_(attention.relative_key.bias)
    nn.init.zeros_(attention.relative_key.weight)
    attention.relative_key.weight.data[5, 0] = 1.0
    query = torch.tensor([math.log(3), 0, 0, 0]).expand(1, 1, 2, 4)
    areas = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    found = attention.mean_weights(query, torch.zeros(1, 1, 2, 4), areas)
    torch.testing.assert_close(found.flatten(), torch.tensor([0.25, 0.75]))


@pytest.mark.parametrize("at_once", [1, 2**22])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (9, 17)])
def test_mean_weights_are_the_mean_over_heads_and_each_objects_area(
    size: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_attention, "AT_ONCE", at_once)
    h, w = size
    attention, (query, key, _) = build(6, heads=2, radius=3), inputs(2, h, w, 6)
    areas = torch.rand(2, 3, h, w)
    areas[1, 2] = 0  # an object with no area
    dense = torch.zeros(2, h, w, h + 6, w + 6)  # every query against every key, and a margin
    weights = unfolded_weights(attention, query, key).mean(1).view(2, 7, 7, h, w)
    for y in range(h):
        for x in range(w):
            dense[:, y, x, y : y + 7, x : x + 7] = weights[..., y, x]
    expected = torch.einsum("bnyx,byxkl->bnkl", areas, dense[..., 3:-3, 3:-3])
    expected = expected / areas.sum((2, 3), keepdim=True).clamp(min=1e-9)
    found = attention.mean_weights(query, key, areas)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum((2, 3)), torch.tensor([[1.0, 1, 1], [1, 1, 0]]))


def test_weights_hold_no_numbers_that_processors_are_slow_with() -> None:
    attention = LocalAttention(1, heads=1, radius=1)
    key = torch.tensor([0.0, -60.0, -92.0]).view(1, 1, 3, 1)
    for parameter in attention.parameters():
        nn.init.zeros_(parameter)
    seen = attention.mean_weights(torch.ones(1, 1, 3, 1), key, torch.tensor([0.0, 1, 0]).view(1, 1, 1, 3)).flatten()
    assert seen.tolist() == [1.0, 0.0, 0.0]
    assert 0 < torch.tensor(-92.0).exp() < torch.finfo(torch.float32).tiny


def test_autocast_leaves_weights_precise_and_gives_its_type() -> None:
    attention, given = build(16, heads=2, radius=3), inputs(1, 9, 7, 16)
    areas = torch.rand(1, 2, 9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        out, seen = attention(*given), attention.mean_weights(*given[:2], areas)
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), attention(*given), atol=0.05, rtol=0.05)
    assert torch.equal(seen, attention.mean_weights(*given[:2], areas))


def test_inputs_are_not_changed() -> None:
    attention, given = build(4, heads=2, radius=2), inputs(1, 5, 9, 4)
    before = [x.clone() for x in given]
    attention(*given)
    attention.mean_weights(*given[:2], torch.rand(1, 1, 5, 9))
    assert all(torch.equal(*pair) for pair in zip(given, before, strict=True))
