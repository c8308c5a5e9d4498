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


def dense(edges: EdgeWeights, frames: Sequence[Tensor], spatial: Window, temporal: Window) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 with every pair of nodes looked at (equations 1 and 3)."""
    _, _, h, w = frames[0].shape
    x = torch.stack(list(frames), dim=1)[0].permute(0, 2, 3, 1).flatten(0, 2)
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
        weights = torch.sigmoid((x @ w1.T) @ (x @ w2.T).T * edges.factor)
    a = weights * allowed + torch.eye(len(nodes), dtype=x.dtype)
    root = a.sum(dim=1).rsqrt()
    return root[:, None] * a * root


def built(kind: EdgeKind = "learned", support: Support = "both", channels: int = 5) -> EdgeWeights:
    torch.manual_seed(0)
    return EdgeWeights(channels, 3, kind, support, scaled=True).double()


@pytest.mark.parametrize("support", get_args(Support))
@pytest.mark.parametrize("kind", get_args(EdgeKind))
@pytest.mark.parametrize(("spatial", "temporal"), [((3, 3), (3, 3)), ((1, 3), (5, 1)), ((5, 3), (1, 1))])
def test_every_row_equals_the_dense_matrix_in_value_and_gradient(
    support: Support, kind: EdgeKind, spatial: Window, temporal: Window
) -> None:
    edges = built(kind, support)
    frames = [torch.randn(1, 5, 4, 4, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    graph = linked(edges, frames, spatial, temporal)
    ours = torch.cat([graph.filtered(frames, t) for t in range(4)]).permute(0, 2, 3, 1)
    x = torch.cat(frames).permute(0, 2, 3, 1).flatten(0, 2)
    theirs = (dense(edges, frames, spatial, temporal) @ x).reshape(4, 4, 4, 5)
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    wanted = [*frames, *edges.parameters()]
    torch.manual_seed(1)
    target = torch.randn_like(ours)
    first, second = (torch.autograd.grad((found * target).sum(), wanted) for found in (ours, theirs))
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_in_float32_it_is_within_a_hundred_thousandth() -> None:
    edges, frames = built().float(), [torch.randn(1, 5, 4, 4) for _ in range(3)]
    exact = dense(edges.double(), [x.double() for x in frames], (3, 3), (3, 3)) @ torch.cat(frames).double().permute(
        0, 2, 3, 1
    ).flatten(0, 2)
    ours = linked(edges.float(), frames, (3, 3), (3, 3)).filtered(frames, 2)
    torch.testing.assert_close(ours.permute(0, 2, 3, 1).flatten(0, 2).double(), exact[-16:], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("support", "moved"), [("both", [True, True, False]), ("previous", [True, True, False]), ("next", [False] * 3)]
)
def test_which_frames_reach_the_last_one(support: Support, moved: list[bool]) -> None:
    """One layer of the graph: the frame before by its values, the one before that by its neighbour's degree only."""
    edges = built(support=support)
    frames = [torch.randn(1, 5, 6, 6, dtype=torch.float64) for _ in range(4)]
    plain = linked(edges, frames, (3, 3), (3, 3)).filtered(frames, 3)
    for back, expected in enumerate(moved, start=1):
        other = [*frames]
        other[3 - back] = torch.randn_like(frames[0])
        found = linked(edges, other, (3, 3), (3, 3)).filtered(other, 3)
        assert torch.equal(found, plain) is not expected, f"{back} frames back"


def test_uniform_edges_are_a_box_filter_away_from_borders() -> None:
    """3x3 in the frame and 3x3 in the one before; D is 18 in the last frame and 27 in one that has both neighbours."""
    edges, frames = built("uniform"), [torch.randn(1, 5, 9, 9, dtype=torch.float64) for _ in range(3)]
    found = linked(edges, frames, (3, 3), (3, 3)).filtered(frames, 2)
    box = [torch.nn.functional.avg_pool2d(x, 3, stride=1) * 9 for x in frames]
    expected = box[2] / 18 + box[1] / math.sqrt(18 * 27)
    torch.testing.assert_close(found[..., 2:-2, 2:-2], expected[..., 1:-1, 1:-1])
    assert not list(edges.parameters())


def test_a_place_alone_keeps_what_it_has() -> None:
    edges, x = built(), torch.randn(1, 5, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(linked(edges, [x], (3, 3), (3, 3)).filtered([x], 0), x)


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
    values = [torch.zeros_like(x) for x in frames]
    before = torch.zeros_like(frames[0], requires_grad=True)
    found = graph.filtered([values[0], before, values[2]], 2)
    for n in range(2):
        (expected,) = torch.autograd.grad((found[0, 0] * area[0, n]).sum(), before, retain_graph=True)
        torch.testing.assert_close(graph.taken_from_before(area)[0, n], expected[0, 0])


def test_edges_are_float32_under_half_precision() -> None:
    edges = built().float()
    with torch.autocast("cpu", torch.bfloat16):
        graph = linked(edges, [torch.randn(1, 5, 4, 4).bfloat16() for _ in range(2)], (3, 3), (3, 3))
        assert graph.scale(1).dtype == torch.float32
        assert graph.filtered([torch.randn(1, 5, 4, 4).bfloat16()] * 2, 1).dtype == torch.float32
