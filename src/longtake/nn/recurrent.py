"""Recurrent units over memories that never grow.

Shapes: b batch, n objects, c channels, h height, w width.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.precise import precise

Candidate = Literal["tanh", "linear"]

KEEP = -2.0
"""The update gate's bias to begin with: about an eighth of the state is replaced at first."""


class GatedMap(nn.Module):
    """A gated recurrent unit at every place of a map (Cho et al.; with a kernel of 3 as in ConvLSTM).

    z, r = sigmoid(W [input; state]), c = W_c [input; r * state] (through tanh or as it is), and the new state is
    (1 - z) state + z c, held in float32 at least.
    """

    def __init__(self, channels: int, kernel: Literal[1, 3] = 1, candidate: Candidate = "tanh") -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 2 * channels, kernel, padding=kernel // 2)
        self.candidate = nn.Conv2d(2 * channels, channels, kernel, padding=kernel // 2)
        self.bounded = candidate == "tanh"
        with torch.no_grad():
            assert self.gates.bias is not None
            self.gates.bias[:channels] = KEEP

    def forward(self, inputs: Float[Tensor, "b c h w"], state: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        gates = self.gates(torch.cat([inputs, state], dim=1))
        update, reset = torch.sigmoid(precise(gates)).chunk(2, dim=1)
        candidate = precise(self.candidate(torch.cat([inputs, reset * state], dim=1)))
        return torch.lerp(precise(state), torch.tanh(candidate) if self.bounded else candidate, update)


class GatedVector(nn.Module):
    """The simplified gated recurrent unit: an update gate and nothing else (DTMNet, equation 8).

    z = sigmoid(W [input; state]), and the new state is (1 - z) state + z input, held in float32 at least.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * channels, channels, bias=False)

    def forward(self, inputs: Float[Tensor, "b n c"], state: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        update = torch.sigmoid(precise(self.gate(torch.cat([inputs, state], dim=2))))
        return torch.lerp(precise(state), precise(inputs), update)


Pool = Literal["mean", "masked_mean"]


def pooled(x: Float[Tensor, "b c h w"], masks: Float[Tensor, "b n h w"], pool: Pool) -> Float[Tensor, "b n c"]:
    """An object's features: what is under its mask, averaged over the whole map (DTMNet, equation 7) or over the mask.

    masked_mean divides by 1 + the mask's area in places, so that the result does not shrink with the object. In float32
    at least: the sum over a large object has no place in half precision.
    """
    with torch.autocast(x.device.type, enabled=False):
        total = torch.einsum("bnhw,bchw->bnc", precise(masks), precise(x))
    if pool == "mean":
        return total / (x.shape[2] * x.shape[3])
    return total / (1 + precise(masks).sum(dim=(2, 3))[:, :, None])
