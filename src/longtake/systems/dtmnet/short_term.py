"""The short-term memory: features smoothed along a graph over the last frames (DTMNet, section 3.2).

The filter is a weighted sum of nodes, so a 1x1 convolution may come before it: what is smoothed is what the decoder and
the classifier take of the features, not the features themselves. Nothing here depends on an object but the channel of
masks, which takes the edges that the images have.

Shapes: b batch, n objects, d feature channels, c channels that are passed on, h and w the grid at stride 16.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.nn.graph import EdgeWeights, Graph, Window
from longtake.nn.precise import precise
from longtake.systems.dtmnet.memory import Link, Nodes, Seen
from longtake.systems.protocol import Look


class ShortTerm(nn.Module):
    """The graph over a frame and at most `frames` before it, and the classifier of its nodes."""

    def __init__(self, inputs: int, edges: EdgeWeights, *, frames: int, spatial: Window, temporal: Window) -> None:
        super().__init__()
        self.edges, self.frames, self.spatial, self.temporal = edges, frames, spatial, temporal
        self.classifier = nn.Conv2d(inputs, 2, kernel_size=1)

    def nodes(self, x: Float[Tensor, "b d h w"], passed: Float[Tensor, "b c h w"]) -> Nodes:
        """A frame's nodes; once per frame."""
        source, target = self.edges.project(x)
        scores = F.conv2d(x, self.classifier.weight)
        return Nodes(source, target, self.edges.within(source, target, self.spatial), passed, scores)

    def extended(self, window: Sequence[Seen], nodes: Nodes, time: int) -> tuple[Seen, ...]:
        """The last frames and a new one, linked to the last of them."""
        before = window[-1].nodes
        link = self.edges.between((before.source, before.target), (nodes.source, nodes.target), self.temporal)
        return (*window, Seen(time, nodes, (Link(*link),)))

    def filtered(self, frames: Sequence[Seen]) -> Float[Tensor, "b c h w"]:
        """What is passed on of the last frame, smoothed (equation 3)."""
        return self._graph(frames).filtered([each.nodes.passed for each in frames], len(frames) - 1)

    def carried(self, frames: Sequence[Seen], masks: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n h w"]:
        """Masks of the last frame but one, smoothed into the last one, which has none of its own."""
        nothing = torch.zeros_like(masks)
        values = [nothing] * (len(frames) - 2) + [masks, nothing]
        return self._graph(frames).filtered(values, len(frames) - 1)

    def classified(self, frames: Sequence[Seen]) -> dict[str, Float[Tensor, "b 2 h w"]]:
        """Background or any object: scores of the nodes of all frames but the last (equations 2 and 5)."""
        graph, scores, time = self._graph(frames), [each.nodes.scores for each in frames], frames[-1].time
        assert self.classifier.bias is not None
        bias = precise(self.classifier.bias)[:, None, None]
        return {
            f"classifier@{each.time - time}": graph.filtered(scores, number) + bias
            for number, each in enumerate(frames[:-1])
        }

    def looks(self, frames: Sequence[Seen], areas: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        """How much of the frame before is in the smoothed features of each object's area."""
        if self.edges.support == "next":
            return ()
        weights = self._graph(frames).taken_from_before(areas)
        total = weights.sum(dim=(2, 3), keepdim=True)
        return (Look("short term", frames[-2].time, weights / total.clamp(min=torch.finfo(total.dtype).tiny)),)

    def _graph(self, frames: Sequence[Seen]) -> Graph:
        links = [each.links[0] for each in frames[1:]]
        within = [each.nodes.within for each in frames]
        onward, back = ([getattr(link, way) for link in links] for way in ("onward", "back"))
        return Graph(self.spatial, self.temporal, within, onward, back)
