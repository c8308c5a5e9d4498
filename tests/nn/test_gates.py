"""Gates lie in (0, 1) and multiply as the papers say."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from longtake.nn.gates import AttentionalGate, ChannelSpatialGates


def test_the_attentional_gate_follows_equations_3_and_4() -> None:
    torch.manual_seed(0)
    gate = AttentionalGate(5, 3, 4)
    context, own = torch.randn(2, 5, 6, 7), torch.randn(2, 3, 6, 7)
    with torch.no_grad():
        x = torch.einsum("ic,bchw->bihw", gate.of_context.weight[:, :, 0, 0], context)
        x = x + torch.einsum("ic,bchw->bihw", gate.of_own.weight[:, :, 0, 0], own) + gate.of_own.bias[:, None, None]
        score = torch.einsum("oi,bihw->bohw", gate.score.weight[:, :, 0, 0], x.relu()) + gate.score.bias
        found = gate(gate.of_context(context), own)
    torch.testing.assert_close(found, torch.sigmoid(score))
    assert found.shape == (2, 1, 6, 7)
    assert 0 < found.min() < found.max() < 1


@given(st.integers(0, 1000), st.floats(0.1, 4))
def test_channel_and_spatial_gates_only_weaken(seed: int, size: float) -> None:
    torch.manual_seed(seed)
    gates, x = ChannelSpatialGates(8, ratio=4), size * torch.randn(2, 8, 5, 6)
    with torch.no_grad():
        share = gates(x) / x
    assert 0 < share.min() <= share.max() < 1


def test_channel_and_spatial_gates_by_their_equations() -> None:
    """sigmoid(MLP(mean) + MLP(max)) for channels, sigmoid(conv7x7([max, mean])) for places (CBAM)."""
    torch.manual_seed(0)
    gates, x = ChannelSpatialGates(8, ratio=4), torch.randn(2, 8, 5, 6)
    with torch.no_grad():
        mean, largest = x.mean((2, 3)), x.amax((2, 3))
        (first, _, second) = gates.channels

        def mlp(v: torch.Tensor) -> torch.Tensor:
            return (v @ first.weight.T + first.bias).relu() @ second.weight.T + second.bias

        y = x * torch.sigmoid(mlp(mean) + mlp(largest))[:, :, None, None]
        both = torch.stack([y.amax(1), y.mean(1)], dim=1)
        expected = y * torch.sigmoid(torch.conv2d(both, gates.places.weight, gates.places.bias, padding=3))
        torch.testing.assert_close(gates(x), expected)


def test_the_published_sizes() -> None:
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert round(count(ChannelSpatialGates(256)) / 1e6, 3) == 0.009
    assert round(count(AttentionalGate(256, 256, 128)) / 1e6, 3) == 0.066
