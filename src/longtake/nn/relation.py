"""Global reasoning: a feature map summed up in a few nodes, related to each other, and given back (GloRe, CVPR 2019).

Shapes: b batch, c channels, s states (channels of a node), n nodes, h height, w width.
"""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class GlobalReasoning(nn.Module):
    """Chen et al.: x + norm(extend(Y B)), with B = project(x), V = state(x) B^T, Y = relate(relu(V + mix(V))).

    V is divided by the number of places, so that it does not grow with the frame. The last norm begins at zero: the
    unit begins as if it were not there.
    """

    def __init__(self, channels: int, states: int, nodes: int) -> None:
        super().__init__()
        self.state = nn.Conv2d(channels, states, kernel_size=1)
        self.project = nn.Conv2d(channels, nodes, kernel_size=1)
        self.mix = nn.Linear(nodes, nodes)
        self.relate = nn.Linear(states, states, bias=False)
        self.extend = nn.Conv2d(states, channels, kernel_size=1, bias=False)
        self.norm = normed(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        places, states = self.project(x).flatten(2), self.state(x).flatten(2)
        nodes = states @ (places / places.shape[2]).transpose(1, 2)
        related = self.relate(F.relu(nodes + self.mix(nodes)).transpose(1, 2)).transpose(1, 2)
        found: Tensor = self.norm(self.extend((related @ places).reshape(*states.shape[:2], *x.shape[2:])))
        return x + found


def normed(channels: int) -> nn.GroupNorm:
    """Group normalisation, in groups of 8 channels where possible: what a clip gives does not depend on its batch."""
    return nn.GroupNorm(math.gcd(channels, max(1, channels // 8)), channels)


class Relation(nn.Module):
    """The features of two frames together, reasoned about as a whole (LSTNet, section 3.2: the global relation module).

    The first 3x3 convolution takes both frames' features side by side. It is two here whose results are added, so that
    the reference's share is computed once.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, reasoning: nn.Module) -> None:
        super().__init__()
        self.of_reference = nn.Conv2d(inputs, inner, kernel_size=3, padding=1, bias=False)
        self.of_current = nn.Conv2d(inputs, inner, kernel_size=3, padding=1, bias=False)
        self.norm_in, self.norm_out = normed(inner), normed(outputs)
        self.reasoning = reasoning
        self.reduce = nn.Conv2d(inner, outputs, kernel_size=3, padding=1, bias=False)

    def reference(self, features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """What the module takes of the reference; once per reference."""
        share: Tensor = self.of_reference(features)
        return share

    def forward(self, reference: Float[Tensor, "b c h w"], features: Float[Tensor, "b d h w"]) -> Tensor:
        x = self.reasoning(F.relu(self.norm_in(reference + self.of_current(features))))
        return F.relu(self.norm_out(self.reduce(x)))
