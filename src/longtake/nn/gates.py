"""Attention as gates: what a feature map is multiplied by, in (0, 1).

Shapes: b batch, c channels, h height, w width.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ChannelSpatialGates(nn.Module):
    """Which channels, then which places count (Woo et al.: CBAM, its one-channel batch norm left out)."""

    def __init__(self, channels: int, ratio: int = 16, kernel: int = 7) -> None:
        super().__init__()
        inner = max(4, channels // ratio)
        self.channels = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))
        self.places = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        score = self.channels(x.mean(dim=(2, 3))) + self.channels(x.amax(dim=(2, 3)))
        x = x * torch.sigmoid(score)[:, :, None, None]
        both = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.places(both))


class AttentionalGate(nn.Module):
    """How much each place of `own` counts, given what `context` has there (LSTNet, equations 3 and 4).

    X = relu(W_L context + W_A own + b), g = sigmoid(W_psi X + b_psi), all of them 1x1 convolutions.
    """

    def __init__(self, context: int, own: int, inner: int) -> None:
        super().__init__()
        self.of_context = nn.Conv2d(context, inner, kernel_size=1, bias=False)
        self.of_own = nn.Conv2d(own, inner, kernel_size=1)
        self.score = nn.Conv2d(inner, 1, kernel_size=1)

    def forward(self, context: Float[Tensor, "b i h w"], own: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b 1 h w"]:
        """context: what `of_context` made of it; the same for all objects."""
        return torch.sigmoid(self.score(torch.relu(context + self.of_own(own))))
