import math

import pytest
import torch

from longtake.nn.recurrent import GatedMap, GatedVector, Pool, pooled


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("candidate", ["tanh", "linear"])
def test_one_step_by_hand(candidate: str) -> None:
    """z = s(Wz [u; s]), r = s(Wr [u; s]), c = Wc [u; r s], and (1 - z) s + z c."""
    unit = GatedMap(1, 1, candidate)
    with torch.no_grad():
        unit.gates.weight.copy_(torch.tensor([[0.5, -0.3], [0.2, 0.7]]).view(2, 2, 1, 1))
        unit.gates.bias.copy_(torch.tensor([-0.1, 0.4]))
        unit.candidate.weight.copy_(torch.tensor([[1.5, -2.0]]).view(1, 2, 1, 1))
        unit.candidate.bias.fill_(0.25)
    u, s = 0.8, -1.2
    z, r = sigmoid(0.5 * u - 0.3 * s - 0.1), sigmoid(0.2 * u + 0.7 * s + 0.4)
    c = 1.5 * u - 2.0 * r * s + 0.25
    c = math.tanh(c) if candidate == "tanh" else c
    out = unit(torch.full((1, 1, 1, 1), u), torch.full((1, 1, 1, 1), s))
    assert out.item() == pytest.approx((1 - z) * s + z * c, abs=1e-6)


def test_it_begins_near_keeping_what_it_has() -> None:
    torch.manual_seed(0)
    unit, state = GatedMap(16), torch.randn(1, 16, 5, 6)
    change = (unit(torch.zeros_like(state), state) - state).norm() / state.norm()
    assert 0.05 < change < 0.3


def test_a_kernel_of_three_sees_its_neighbours_twice_and_keeps_the_size() -> None:
    torch.manual_seed(0)
    unit, inputs, state = GatedMap(4, 3), torch.zeros(1, 4, 5, 7), torch.randn(1, 4, 5, 7)
    moved = inputs.clone()
    moved[..., 2, 3] = 1
    changed = (unit(moved, state) - unit(inputs, state)).abs().sum((0, 1)) > 0
    assert changed.shape == (5, 7)
    assert changed.nonzero().amin(0).tolist() == [0, 1]  # by way of the reset gate, which sees as far itself
    assert changed.nonzero().amax(0).tolist() == [4, 5]


def test_the_state_stays_in_float32_beside_half_precision() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        out = GatedMap(4)(torch.randn(1, 4, 2, 2).bfloat16(), torch.randn(1, 4, 2, 2))
    assert out.dtype == torch.float32


def test_the_simplified_unit_by_hand() -> None:
    """z = s(W [x; h]), and (1 - z) h + z x (DTMNet, equation 8)."""
    unit = GatedVector(2)
    with torch.no_grad():
        unit.gate.weight.copy_(torch.tensor([[0.5, -1.0, 0.25, 0.0], [1.0, 0.0, 0.0, -0.5]]))
    x, h = (0.8, -0.4), (2.0, 1.0)
    z = (sigmoid(0.5 * 0.8 + 0.4 + 0.25 * 2.0), sigmoid(0.8 - 0.5))
    out = unit(torch.tensor([[x]]), torch.tensor([[h]])).flatten().tolist()
    assert out == pytest.approx([(1 - z[i]) * h[i] + z[i] * x[i] for i in range(2)], abs=1e-6)


def test_pooling_by_hand() -> None:
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])[None]
    masks = torch.tensor([[[1.0, 0.5], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])[None]
    torch.testing.assert_close(pooled(x, masks, "mean"), torch.tensor([[[0.5], [0.0]]]))
    torch.testing.assert_close(pooled(x, masks, "masked_mean"), torch.tensor([[[2 / 2.5], [0.0]]]))


@pytest.mark.parametrize("pool", ["mean", "masked_mean"])
def test_what_is_not_under_the_mask_is_not_pooled(pool: Pool) -> None:
    torch.manual_seed(0)
    x, masks = torch.randn(1, 3, 4, 5), torch.zeros(1, 1, 4, 5)
    masks[..., :2] = 1
    other = torch.where(masks.bool(), x, torch.randn_like(x))
    assert torch.equal(pooled(x, masks, pool), pooled(other, masks, pool))
