"""Residual blocks and the refinement decoder of STM (section 3.3), at any widths.

The convolutions of a skip connection do not depend on the object: `Refine.skip` runs once per frame, `Refine.merge`
once per object.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.precise import precise


def conv3x3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A biased 3x3 convolution that keeps the size, however dilated (or halves it with stride 2)."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=dilation, dilation=dilation)


def enlarge(x: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h2 w2"]:
    """Bilinear enlargement by a whole factor, corners not aligned."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def foreground(scores: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Log-odds of the object: a softmax over two channels knows their difference only."""
    scores = precise(scores)
    return scores[:, 1:] - scores[:, :1]


class Join(nn.Conv2d):
    """A 3x3 convolution over maps of an object and, among them, maps that all objects share: those are seen to once.

    Its weights are those of one convolution: so many channels of the object, the shared ones, `after` more of its own.
    """

    def __init__(self, own: int, shared: int, outputs: int, after: int = 0) -> None:
        super().__init__(own + shared + after, outputs, kernel_size=3, padding=1)
        self.span = slice(own, own + shared)

    def share(self, shared: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b c h w"]:
        """What the shared maps, and the bias, are in the result."""
        return F.conv2d(shared, self.weight[:, self.span], self.bias, padding=1)

    def merge(self, own: Float[Tensor, "bn _ h w"], share: Float[Tensor, "bn c h w"]) -> Float[Tensor, "bn c h w"]:
        """own: the object's maps, those after the shared ones last."""
        weight = torch.cat([self.weight[:, : self.span.start], self.weight[:, self.span.stop :]], dim=1)
        return F.conv2d(own, weight, padding=1) + share


def unnormed(channels: int) -> nn.Module:
    """No normalisation."""
    return nn.Identity()


class ResBlock(nn.Module):
    """Pre-activation residual block; its shortcut is a 3x3 convolution where widths differ.

    norm: makes what normalises so many channels before each activation.
    """

    def __init__(self, inputs: int, outputs: int, norm: Callable[[int], nn.Module] = unnormed) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = conv3x3(inputs, outputs)
        self.conv2 = conv3x3(outputs, outputs)
        self.shortcut = conv3x3(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        inner = self.conv1(F.relu(self.norm1(x)))
        y: Tensor = self.conv2(F.relu(self.norm2(inner))) + self.shortcut(x)
        return y


class Refine(nn.Module):
    """One step of the decoder: twice the size, and the features of the query frame at that size."""

    def __init__(self, skip: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.skip_conv = conv3x3(skip, inputs)
        self.skip_block = ResBlock(inputs, inputs)
        self.merge_block = ResBlock(inputs, outputs)

    def skip(self, features: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """What this step adds from the frame itself; the same for every object."""
        y: Tensor = self.skip_block(self.skip_conv(features))
        return y

    def merge(self, skip: Float[Tensor, "b c h w"], coarse: Float[Tensor, "b _ h2 w2"]) -> Float[Tensor, "b _ h w"]:
        """Finer features of an object from its coarser ones, or from such of the same size."""
        same = coarse.shape[2:] == skip.shape[2:]
        y: Tensor = self.merge_block(skip + (coarse if same else enlarge(coarse, 2)))
        return y
