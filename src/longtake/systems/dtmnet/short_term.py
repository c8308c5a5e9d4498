"""The short-term memory: features smoothed along a graph over the last frames (DTMNet, section 3.2).

The filter is a weighted sum of nodes, so a 1x1 convolution may come before it: what is smoothed is what the decoder and
the classifier take of the features, not the features themselves. Nothing here depends on an object but the channel of
masks, which takes the edges that the images have.

Shapes: b batch, n objects, d feature channels, c channels that are passed on, h and w the grid at stride 16.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.graph import EdgeWeights, Graph, Window
from longtake.nn.precise import precise
from longtake.systems.dtmnet.memory import Link, Nodes, Seen
from longtake.systems.protocol import AnyObject, Look


class ShortTerm(nn.Module):
    """The graph over a frame and at most `frames` before it, and the classifier of its nodes."""

    def __init__(self, inputs: int, edges: EdgeWeights, *, frames: int, spatial: Window, temporal: Window) -> None:
        super().__init__()
        self.edges, self.frames, self.spatial, self.temporal = edges, frames, spatial, temporal
        self.classifier = nn.Conv2d(inputs, 2, kernel_size=1)

    def seen(self, x: Float[Tensor, "b d h w"], passed: Float[Tensor, "b c h w"], time: int) -> Seen:
        """A frame's nodes and the edges among them."""
        source, target = self.edges.project(x)
        within = self.edges.within(source, target, self.spatial)
        return Seen(time, within, F.conv2d(x, self.classifier.weight), (Nodes(source, target, passed),))

    def linked(self, window: Sequence[Seen], last: Seen) -> tuple[Seen, ...]:
        """The last frames and a new one, linked to the last of them."""
        (earlier,), (later,) = window[-1].nodes, last.nodes
        link = self.edges.between((earlier.source, earlier.target), (later.source, later.target), self.temporal)
        return (*window, replace(last, links=(Link(*link),)))

    def graph(self, frames: Sequence[Seen]) -> Graph:
        """The edges of linked frames."""
        links = [each.links[0] for each in frames[1:]]
        within = [each.within for each in frames]
        return Graph(
            self.spatial, self.temporal, within, [link.onward for link in links], [link.back for link in links]
        )

    def filtered(self, graph: Graph, frames: Sequence[Seen]) -> Float[Tensor, "b c h w"]:
        """What is passed on of the last frame, smoothed (equation 3)."""
        last = len(frames) - 1
        return graph.filtered({i: frames[i].nodes[0].passed for i in (last - 1, last)}, last)

    def carried(self, graph: Graph, masks: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n h w"]:
        """Masks of the last frame but one, smoothed into the last one, which has none of its own."""
        last = len(graph.within) - 1
        return graph.filtered({last - 1: masks, last: torch.zeros_like(masks)}, last)

    def classified(self, graph: Graph, frames: Sequence[Seen]) -> dict[str, AnyObject]:
        """Background or any object: scores of the nodes of all frames but the last (equations 2 and 5)."""
        assert self.classifier.bias is not None
        scores = {number: each.scores for number, each in enumerate(frames)}
        bias = precise(self.classifier.bias)[:, None, None]
        return {
            f"classifier@{each.time - frames[-1].time}": AnyObject(graph.filtered(scores, number) + bias)
            for number, each in enumerate(frames[:-1])
        }

    def looks(self, frames: Sequence[Seen], areas: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        """How much of the frame before is in the smoothed features of each object's area."""
        if self.edges.support == "next":
            return ()
        weights = self.graph(frames).taken_from_before(areas)
        total = weights.sum(dim=(2, 3), keepdim=True)
        return (Look("short term", frames[-2].time, weights / total.clamp(min=torch.finfo(total.dtype).tiny)),)
