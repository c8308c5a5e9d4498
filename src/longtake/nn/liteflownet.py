"""LiteFlowNet (Hui, Tang and Loy, CVPR 2018): flow from coarse to fine over a pyramid of features.

Level L has 1 / 2^(L-1) of the image's size. From level 6 to level 2 the flow of the coarser level is doubled in size,
then improved three times: by matching features, to fractions of a pixel, and by averaging it where images agree.

Shapes: b batch, c channels, h and w the grid of a level, t taps of an average (kernel^2). Flow is in units of 20 pixels
of the whole image, whatever the level.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.flow import Images, at_multiple, warp
from longtake.nn.precise import precise

UNIT = 20.0
WIDTHS = (32, 32, 64, 96, 128, 192)
"""Features of levels 1 to 6."""

CONVOLUTIONS = (1, 3, 2, 2, 1, 1)
LEVELS = (2, 3, 4, 5, 6)
KERNELS = {2: 7, 3: 5, 4: 5, 5: 3, 6: 3}
"""Side of the last convolution of a flow head, and of the window that is averaged over."""

REACH = 3
"""Of a correlation, in its steps."""

STEPS = {2: 2, 3: 2}
"""Levels whose correlation looks at every second place only."""

MEANS = ((0.411618, 0.434631, 0.454253), (0.410782, 0.433645, 0.452793))
"""Blue, green and red of the first and of the second image."""


def correlation(
    first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"], reach: int = REACH, step: int = 1
) -> Float[Tensor, "b d h2 w2"]:
    """Mean over channels of the products of first(p) and second(p + d), row by row of d, 0 where that is outside.

    Both p and d go in steps: for a step of 2 at every second place, up to 2 * reach away.
    """
    (h, w), margin = first.shape[2:], reach * step
    here, around = precise(first)[:, :, ::step, ::step], F.pad(precise(second), [margin] * 4)
    offsets = range(0, 2 * margin + 1, step)
    moved = (around[:, :, y : y + h : step, x : x + w : step] for y in offsets for x in offsets)
    return torch.stack([(here * there).mean(dim=1) for there in moved], dim=1)


def _convolutions(widths: Sequence[int], kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolutions, each with a leaky ReLU; the stride is the first one's."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        layers += [
            nn.Conv2d(inputs, outputs, kernel, stride if index == 0 else 1, padding=kernel // 2),
            nn.LeakyReLU(0.1),
        ]
    return nn.Sequential(*layers)


def _head(inputs: int, level: int) -> nn.Sequential:
    """What is to be added to the flow."""
    kernel = KERNELS[level]
    return _convolutions((inputs, 128, 64, 32)).append(nn.Conv2d(32, 2, kernel, padding=kernel // 2))


def _widened(level: int) -> tuple[nn.Module, int]:
    """Features of level 2 made more for matching, and how many a level then has."""
    if level == 2:
        return _convolutions((WIDTHS[1], 64), kernel=1), 64
    return nn.Identity(), WIDTHS[level - 1]


def _doubled(channels: int) -> nn.ConvTranspose2d:
    """Learned enlargement, each channel on its own."""
    return nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, groups=channels, bias=False)


def _in_full(module: nn.Module, x: Tensor) -> Tensor:
    """What a module makes of flow, in float32 also under autocast: bfloat16 rounds a flow of 100 pixels to halves."""
    with torch.autocast(x.device.type, enabled=False):
        result: Tensor = module(precise(x))
    return result


class Matching(nn.Module):
    """The coarser flow, enlarged, and what comparing the features around it adds (section 3.2, descriptor matching)."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.widen, _ = _widened(level)
        self.enlarge_flow = _doubled(2) if level < LEVELS[-1] else None
        self.step, self.pixels = STEPS.get(level, 1), UNIT / 2 ** (level - 1)
        taps = (2 * REACH + 1) ** 2
        self.enlarge_correlation = _doubled(taps) if self.step > 1 else nn.Identity()
        self.head = _head(taps, level)

    def forward(
        self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"], coarse: Float[Tensor, "b 2 _ _"] | None
    ) -> Float[Tensor, "b 2 h w"]:
        """The flow of this level; coarse: that of the level below, which the last one lacks."""
        first, second = self.widen(first), self.widen(second)
        flow = None
        if self.enlarge_flow is not None and coarse is not None:
            flow = _in_full(self.enlarge_flow, coarse)
            second = warp(second, flow * self.pixels)
        scores = F.leaky_relu(correlation(first, second, step=self.step), 0.1)
        added = precise(self.head(self.enlarge_correlation(scores)))
        return added if flow is None else flow + added


class Subpixel(nn.Module):
    """What the features themselves, brought together by the flow, add to it (section 3.2, sub-pixel refinement)."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.widen, width = _widened(level)
        self.pixels = UNIT / 2 ** (level - 1)
        self.head = _head(2 * width + 2, level)

    def forward(
        self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """The improved flow."""
        first, second = self.widen(first), self.widen(second)
        seen = torch.cat([precise(first), warp(second, flow * self.pixels), flow], dim=1)
        return flow + precise(self.head(seen))


class Regularisation(nn.Module):
    """The flow averaged around each place, by learned weights that keep its edges (section 3.3)."""

    def __init__(self, level: int) -> None:
        super().__init__()
        width, self.kernel, self.pixels = WIDTHS[level - 1], KERNELS[level], UNIT / 2 ** (level - 1)
        taps, half = self.kernel**2, self.kernel // 2
        self.widen = _convolutions((width, 128), kernel=1) if level < 5 else nn.Identity()
        self.body = _convolutions((3 + max(width, 128), 128, 128, 64, 64, 32, 32))
        if level < 5:
            tall = nn.Conv2d(32, taps, (self.kernel, 1), padding=(half, 0))
            self.distance = nn.Sequential(tall, nn.Conv2d(taps, taps, (1, self.kernel), padding=(0, half)))
        else:
            self.distance = nn.Sequential(nn.Conv2d(32, taps, self.kernel, padding=half))
        self.scale_x, self.scale_y = nn.Conv2d(taps, 1, 1), nn.Conv2d(taps, 1, 1)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        first: Float[Tensor, "b 3 h w"],
        second: Float[Tensor, "b 3 h w"],
        flow: Float[Tensor, "b 2 h w"],
    ) -> Float[Tensor, "b 2 h w"]:
        """The averaged flow. first, second: the images at this level, features: the first one's."""
        error = (first - warp(second, flow * self.pixels)).detach().norm(dim=1, keepdim=True)
        centred = flow - flow.mean(dim=(2, 3), keepdim=True)
        seen = torch.cat([error, centred, precise(self.widen(features))], dim=1)
        return self.averaged(flow, precise(self.distance(self.body(seen))))

    def averaged(self, flow: Float[Tensor, "b 2 h w"], distance: Float[Tensor, "b t h w"]) -> Float[Tensor, "b 2 h w"]:
        """The flow around each place, by exp(-distance^2); outside of the image it is 0 and counts."""
        score = -distance.square()
        weights = (score - score.amax(dim=1, keepdim=True)).exp()
        windows = F.unfold(flow, self.kernel, padding=self.kernel // 2)
        near_x, near_y = windows.view(-1, 2, *weights.shape[1:]).unbind(dim=1)
        sums = [_in_full(self.scale_x, weights * near_x), _in_full(self.scale_y, weights * near_y)]
        return torch.cat(sums, dim=1) / weights.sum(dim=1, keepdim=True)


class Level(nn.Module):
    """The three steps of one level."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.matching, self.subpixel, self.regularisation = Matching(level), Subpixel(level), Regularisation(level)


class LiteFlowNet(nn.Module):
    """Flow under the contract of `nn.flow`, for images of any size: sides are enlarged to multiples of 32."""

    means: Tensor

    def __init__(self) -> None:
        super().__init__()
        first, *others = zip(WIDTHS, CONVOLUTIONS, strict=True)
        stages = [_convolutions((3, first[0]), kernel=7)]
        for (before, _), (width, count) in pairwise([first, *others]):
            stages.append(_convolutions((before, *[width] * count), stride=2))
        self.pyramid = nn.ModuleList(stages)
        self.levels = nn.ModuleList(Level(level) for level in LEVELS)
        self.register_buffer("means", torch.tensor(MEANS)[..., None, None], persistent=False)

    def forward(self, current: Images, previous: Images) -> Float[Tensor, "b 2 h w"]:
        """Where the content of each pixel was, in pixels."""
        return at_multiple(self._flow, current, previous, multiple=32)

    def _flow(self, current: Images, previous: Images) -> Float[Tensor, "b 2 h2 w2"]:
        """Flow in pixels, at half the images' size."""
        features, images = self._pyramid(torch.cat([current.flip(1) - self.means[0], previous.flip(1) - self.means[1]]))
        flow: Tensor | None = None
        for index, level in reversed(list(enumerate(self.levels, start=1))):
            assert isinstance(level, Level)
            (one, two), (first, second) = features[index].chunk(2), images[index].chunk(2)
            flow = level.subpixel(one, two, level.matching(one, two, flow))
            flow = level.regularisation(one, first, second, flow)
        assert flow is not None
        return flow * UNIT

    def _pyramid(self, images: Images) -> tuple[list[Tensor], list[Tensor]]:
        """Features of every level, and the images at their sizes."""
        features, reduced = [self.pyramid[0](images)], [images]
        for stage in self.pyramid[1:]:
            features.append(stage(features[-1]))
            size = features[-1].shape[2:]
            reduced.append(F.interpolate(reduced[-1], size, mode="bilinear", align_corners=False))
        return features, reduced
