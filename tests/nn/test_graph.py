"""The filter against the matrices that the paper writes, and by hand."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from longtake.nn.graph import EdgeKind, EdgeWeights, Graph, Support, Window, gather, scatter

SIDES = st.sampled_from([1, 3, 5])
WINDOWS = st.tuples(SIDES, SIDES)


def linked(edges: EdgeWeights, frames: Sequence[Tensor], spatial: Window, temporal: Window) -> Graph:
    ends = [edges.project(x) for x in frames]
    pairs = [edges.between(earlier, later, temporal) for earlier, later in pairwise(ends)]
    within = [edges.within(*end, spatial) for end in ends]
    return Graph(spatial, temporal, within, [onward for onward, _ in pairs], [back for _, back in pairs])


def dense(
    edges: EdgeWeights, frames: Sequence[Tensor], spatial: Window, temporal: Window, scaled: bool = True
) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 of one clip's frames [c, h, w], every pair of nodes looked at (equations 1 and 3)."""
    _, h, w = frames[0].shape
    x = torch.stack(list(frames)).permute(0, 2, 3, 1).flatten(0, 2)
    nodes = [(t, y, z) for t in range(len(frames)) for y in range(h) for z in range(w)]
    allowed = torch.zeros(len(nodes), len(nodes), dtype=x.dtype)
    steps = {"both": (-1, 1), "next": (1,), "previous": (-1,)}[edges.support]
    for i, (t, y, z) in enumerate(nodes):
        for j, (u, v, s) in enumerate(nodes):
            reach = spatial if t == u else temporal
            near = abs(v - y) <= reach[0] // 2 and abs(s - z) <= reach[1] // 2
            allowed[i, j] = near and i != j and (t == u or u - t in steps)
    weights = torch.ones_like(allowed)
    if edges.source is not None and edges.target is not None:
        w1, w2 = edges.source.weight[:, :, 0, 0], edges.target.weight[:, :, 0, 0]
        weights = torch.sigmoid((x @ w1.T) @ (x @ w2.T).T * (3**-0.5 if scaled else 1))
    a = weights * allowed + torch.eye(len(nodes), dtype=x.dtype)
    root = a.sum(dim=1).rsqrt()
    return root[:, None] * a * root


def built(
    kind: EdgeKind = "learned", support: Support = "both", channels: int = 5, *, scaled: bool = True
) -> EdgeWeights:
    torch.manual_seed(0)
    return EdgeWeights(channels, 3, kind, support, scaled=scaled).double()


def everything(graph: Graph, frames: Sequence[Tensor]) -> list[Tensor]:
    return [graph.filtered(dict(enumerate(frames)), t) for t in range(len(frames))]


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("support", get_args(Support))
@pytest.mark.parametrize("kind", get_args(EdgeKind))
@pytest.mark.parametrize(("spatial", "temporal"), [((3, 3), (3, 3)), ((1, 3), (5, 1)), ((5, 3), (1, 1))])
def test_every_row_equals_the_dense_matrix_in_value_and_gradient(
    support: Support, kind: EdgeKind, spatial: Window, temporal: Window, scaled: bool
) -> None:
    edges = built(kind, support, scaled=scaled)
    frames = [torch.randn(2, 5, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    ours = torch.stack(everything(linked(edges, frames, spatial, temporal), frames), dim=1).transpose(2, 4)
    theirs = []
    for clip in range(2):
        own = [x[clip] for x in frames]
        x = torch.stack(own).permute(0, 2, 3, 1).flatten(0, 2)
        theirs.append((dense(edges, own, spatial, temporal, scaled) @ x).reshape(4, 3, 4, 5).transpose(1, 2))
    expected = torch.stack(theirs)
    torch.testing.assert_close(ours, expected, atol=1e-10, rtol=0)
    wanted, target = [*frames, *edges.parameters()], torch.randn_like(expected)
    first, second = (torch.autograd.grad((found * target).sum(), wanted) for found in (ours, expected))
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_in_float32_it_is_within_a_hundred_thousandth() -> None:
    edges, frames = built(), [torch.randn(1, 5, 4, 4, dtype=torch.float64) for _ in range(3)]
    x = torch.cat(frames).permute(0, 2, 3, 1).flatten(0, 2)
    exact = (dense(edges, [frame[0] for frame in frames], (3, 3), (3, 3)) @ x)[-16:]
    single = [frame.float() for frame in frames]
    ours = everything(linked(edges.float(), single, (3, 3), (3, 3)), single)[2]
    torch.testing.assert_close(ours.permute(0, 2, 3, 1).flatten(0, 2).double(), exact, atol=1e-5, rtol=0)


def test_projections_begin_so_that_edges_are_not_saturated() -> None:
    """Features of deviation 1 give products whose deviation is 1: sqrt(r) of what is summed, over sqrt(r)."""
    torch.manual_seed(0)
    edges = EdgeWeights(2048, 256, "learned", "both", scaled=True)
    source, target = edges.project(torch.randn(1, 2048, 4, 8))
    assert source.std().item() == pytest.approx(1, abs=0.1)
    assert (source * target).sum(dim=1).mul(edges.factor).std().item() == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize(
    ("support", "moved"), [("both", [True, True, False]), ("previous", [True, True, False]), ("next", [False] * 3)]
)
def test_which_frames_reach_the_last_one(support: Support, moved: list[bool]) -> None:
    """One layer of the graph: the frame before by its values, the one before that by its neighbour's degree only."""
    edges = built(support=support)
    frames = [torch.randn(1, 5, 6, 6, dtype=torch.float64) for _ in range(4)]
    plain = everything(linked(edges, frames, (3, 3), (3, 3)), frames)[3]
    for back, expected in enumerate(moved, start=1):
        other = [*frames]
        other[3 - back] = torch.randn_like(frames[0])
        found = everything(linked(edges, other, (3, 3), (3, 3)), other)[3]
        assert torch.equal(found, plain) is not expected, f"{back} frames back"


def test_uniform_edges_are_a_box_filter_away_from_borders() -> None:
    """3x3 in the frame and 3x3 in the one before; D is 18 in the last frame and 27 in one that has both neighbours."""
    edges, frames = built("uniform"), [torch.randn(1, 5, 9, 9, dtype=torch.float64) for _ in range(3)]
    found = everything(linked(edges, frames, (3, 3), (3, 3)), frames)[2]
    box = [torch.nn.functional.avg_pool2d(x, 3, stride=1) * 9 for x in frames]
    expected = box[2] / 18 + box[1] / math.sqrt(18 * 27)
    torch.testing.assert_close(found[..., 2:-2, 2:-2], expected[..., 1:-1, 1:-1])
    assert not list(edges.parameters())


def test_a_place_alone_keeps_what_it_has() -> None:
    edges, x = built(), torch.randn(1, 5, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(linked(edges, [x], (3, 3), (3, 3)).filtered({0: x}, 0), x)


@given(WINDOWS, st.integers(1, 5), st.integers(1, 5))
def test_scatter_is_the_transpose_of_gather(window: Window, h: int, w: int) -> None:
    weights = torch.rand(2, window[0] * window[1], h, w, dtype=torch.float64)
    here, there = (torch.randn(2, 3, h, w, dtype=torch.float64) for _ in range(2))
    gathered, scattered = gather(weights, there, window), scatter(weights, here, window)
    torch.testing.assert_close((here * gathered).sum(), (scattered * there).sum())


def test_what_is_taken_from_before_is_what_the_filter_takes() -> None:
    """Against the filter's gradient with respect to the frame before."""
    edges = built(channels=1)
    frames = [torch.randn(1, 1, 5, 6, dtype=torch.float64) for _ in range(3)]
    graph, area = linked(edges, frames, (3, 3), (3, 5)), torch.rand(1, 2, 5, 6, dtype=torch.float64)
    before = torch.zeros_like(frames[0], requires_grad=True)
    found = graph.filtered({1: before, 2: torch.zeros_like(before)}, 2)
    for n in range(2):
        (expected,) = torch.autograd.grad((found[0, 0] * area[0, n]).sum(), before, retain_graph=True)
        torch.testing.assert_close(graph.taken_from_before(area)[0, n], expected[0, 0])


def test_edges_are_float32_under_half_precision() -> None:
    edges = built().float()
    with torch.autocast("cpu", torch.bfloat16):
        graph = linked(edges, [torch.randn(1, 5, 4, 4).bfloat16() for _ in range(2)], (3, 3), (3, 3))
        x = torch.randn(1, 5, 4, 4).bfloat16()
        assert graph.scales[1].dtype == torch.float32
        assert graph.filtered({0: x, 1: x}, 1).dtype == torch.float32
