"""A graph over the places of a few frames, and the filter that smooths features along its edges (DTMNet, section 3.2).

A place has edges to those around it in its own frame, and to those around the same place of the next frame and of the
one before. Edges are held by their offset, and sums over them are taken offset by offset: no place is ever compared
with all others.

Shapes: b batch, c channels, r channels that edges follow from, h and w the grid.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.precise import precise

Window = tuple[int, int]
"""Height and width in places, both odd."""

Support = Literal["both", "next", "previous"]
"""To which of its neighbours in time a frame has edges. next is the paper's text: the last frame then has none."""

EdgeKind = Literal["learned", "uniform"]

Weights = Float[Tensor, "b _ h w"]
"""Of the edges from every place to those of a window around it, offset by offset; 0 where the image ends."""


def gather(weights: Weights, values: Float[Tensor, "b c h w"], window: Window) -> Float[Tensor, "b c h w"]:
    """For each place the sum of its neighbours' values, by the weight of the edge to them."""
    total = torch.zeros_like(values)
    for weight, moved in zip(weights.split(1, dim=1), _shifts(values, window), strict=True):
        total.addcmul_(weight, moved)
    return total


def scatter(weights: Weights, values: Float[Tensor, "b c h w"], window: Window) -> Float[Tensor, "b c h w"]:
    """What `gather` takes from where, the other way: each place's value goes to its neighbours."""
    (h, w), (up, left) = values.shape[2:], (window[0] // 2, window[1] // 2)
    total = F.pad(torch.zeros_like(values), (left, left, up, up))
    for weight, place in zip(weights.split(1, dim=1), _shifts(total, window, padded=True), strict=True):
        place.addcmul_(weight, values)
    return total[:, :, up : up + h, left : left + w]


def _shifts(x: Float[Tensor, "b c _ _"], window: Window, padded: bool = False) -> Iterator[Float[Tensor, "b c h w"]]:
    """Views of a map, moved so that each place has what lies at an offset of the window from it; 0 outside."""
    up, left = window[0] // 2, window[1] // 2
    x = x if padded else F.pad(x, (left, left, up, up))
    h, w = x.shape[2] - 2 * up, x.shape[3] - 2 * left
    return (x[:, :, y : y + h, z : z + w] for y in range(window[0]) for z in range(window[1]))


class Graph:
    """Edges of consecutive frames, oldest first: within each frame, and between each and the next, both ways."""

    def __init__(
        self,
        spatial: Window,
        temporal: Window,
        within: Sequence[Weights],
        onward: Sequence[Weights],
        back: Sequence[Weights],
    ) -> None:
        """onward: from each frame to the next. back: from the next to each."""
        self.spatial, self.temporal = spatial, temporal
        self.within, self.onward, self.back = within, onward, back
        self.scales = [self._scale(frame) for frame in range(len(within))]

    def filtered(self, values: Mapping[int, Float[Tensor, "b c h w"]], frame: int) -> Float[Tensor, "b c h w"]:
        """The rows of a frame of D^-1/2 (A + I) D^-1/2 X (equation 3).

        values: X of that frame and of its neighbours in time, by their number.
        """
        near = range(max(0, frame - 1), min(len(self.within), frame + 2))
        scaled = {i: self.scales[i] * precise(values[i]) for i in near}
        total = scaled[frame] + gather(self.within[frame], scaled[frame], self.spatial)
        if frame - 1 in scaled:
            total = total + gather(self.back[frame - 1], scaled[frame - 1], self.temporal)
        if frame + 1 in scaled:
            total = total + gather(self.onward[frame], scaled[frame + 1], self.temporal)
        return self.scales[frame] * total

    def taken_from_before(self, areas: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n h w"]:
        """How much each place of the last frame but one counts in what areas of the last one are filtered to."""
        spread = scatter(self.back[-1], self.scales[-1] * precise(areas), self.temporal)
        return self.scales[-2] * spread

    def _scale(self, frame: int) -> Float[Tensor, "b 1 h w"]:
        """1 / sqrt(D) of a frame's places: D is the sum of a place's row of A + I."""
        edges = [self.within[frame], *self.back[max(0, frame - 1) : frame], *self.onward[frame : frame + 1]]
        return torch.rsqrt(1 + torch.cat(edges, dim=1).sum(dim=1, keepdim=True))


class EdgeWeights(nn.Module):
    """A(i, j) = sigmoid((W1 x_i)^T (W2 x_j)) (equation 1), over the root of the width where scaled; or 1 for all."""

    def __init__(self, inputs: int, width: int, kind: EdgeKind, support: Support, *, scaled: bool) -> None:
        super().__init__()
        self.support, self.factor = support, width**-0.5 if scaled else 1.0
        self.source = self.target = None
        if kind == "learned":
            self.source, self.target = (nn.Conv2d(inputs, width, kernel_size=1, bias=False) for _ in range(2))
            for projection in (self.source, self.target):
                nn.init.normal_(projection.weight, std=inputs**-0.5)

    def project(self, x: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b r h w"], Float[Tensor, "b r h w"]]:
        """W1 x and W2 x, computed once per frame; without channels where all edges are alike."""
        if self.source is None or self.target is None:
            return x[:, :0], x[:, :0]
        return precise(self.source(x)), precise(self.target(x))

    def within(self, source: Float[Tensor, "b r h w"], target: Float[Tensor, "b r h w"], window: Window) -> Weights:
        """Edges within a frame; a place has none to itself, which A + I has anyway."""
        others = torch.ones(window[0] * window[1], device=source.device)
        others[len(others) // 2] = 0
        return self._between(source, target, window) * others[:, None, None]

    def between(
        self,
        earlier: tuple[Float[Tensor, "b r h w"], Float[Tensor, "b r h w"]],
        later: tuple[Float[Tensor, "b r h w"], Float[Tensor, "b r h w"]],
        window: Window,
    ) -> tuple[Weights, Weights]:
        """Edges from the earlier of two frames to the later one, and from the later to the earlier one."""
        none = torch.zeros_like(self._inside(earlier[0], window))
        onward = none if self.support == "previous" else self._between(earlier[0], later[1], window)
        back = none if self.support == "next" else self._between(later[0], earlier[1], window)
        return onward, back

    def _between(self, source: Tensor, target: Tensor, window: Window) -> Weights:
        inside = self._inside(source, window)
        if self.source is None:
            return inside
        products = [(source * moved).sum(dim=1) for moved in _shifts(target, window)]
        return torch.sigmoid(torch.stack(products, dim=1) * self.factor) * inside

    def _inside(self, source: Tensor, window: Window) -> Weights:
        """1 for every neighbour that there is, 0 where the image ends."""
        b, _, h, w = source.shape
        return torch.cat(list(_shifts(source.new_ones(1, 1, h, w), window)), dim=1).expand(b, -1, -1, -1)
