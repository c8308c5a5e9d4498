"""Adaptive object alignment: equations 2 and 3 of DMN-AOA, and whole frames by folded neighbourhoods."""

import pytest
import torch
import torch.nn.functional as F

from longtake.nn.align import aligned, carried, correspondence, likeness


def test_a_proposal_that_is_the_template_with_its_cells_permuted_is_aligned_to_the_template() -> None:
    torch.manual_seed(0)
    template = torch.randn(2, 3, 128, 196)
    permuted = template[..., torch.randperm(196)]
    found = aligned(correspondence(template, permuted, 100.0), permuted)
    torch.testing.assert_close(found, template, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(likeness(template, found, "mean"), torch.ones(2, 3))
    assert (likeness(template, permuted, "mean") < 0.2).all()


def test_equations_2_and_3_position_by_position() -> None:
    torch.manual_seed(0)
    template, other, alpha = torch.randn(5, 6).double(), torch.randn(5, 7).double(), 3.0
    weights = correspondence(template, other, alpha)
    for i in range(6):
        scores = torch.stack(
            [alpha * torch.dot(template[:, i], o) / (template[:, i].norm() * o.norm()) for o in other.T]
        )
        own = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(weights[i], own)
        torch.testing.assert_close(aligned(weights, other)[:, i], sum(w * o for w, o in zip(own, other.T, strict=True)))


@pytest.mark.parametrize("compare", ["mean", "flat"])
def test_likeness_is_a_cosine(compare: str) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 5), torch.randn(2, 4, 5)
    if compare == "flat":
        expected = F.cosine_similarity(a.reshape(2, 20), b.reshape(2, 20))
    else:
        expected = torch.stack([F.cosine_similarity(a[..., i], b[..., i]) for i in range(5)]).mean(dim=0)
    torch.testing.assert_close(likeness(a, b, compare), expected)
    torch.testing.assert_close(likeness(a, 3 * a, compare), torch.ones(2))


def test_finer_maps_are_carried_as_neighbourhoods() -> None:
    """A frame shifted by two cells is brought into line cell by cell, with all its pixels in their places."""
    weights = torch.zeros(1, 12, 12)
    for i in range(12):
        row, column = divmod(i, 4)
        weights[0, i, row * 4 + (column + 2) % 4] = 1
    for k in (1, 2, 4):
        finer = torch.randn(1, 3, 3 * k, 4 * k)
        assert torch.equal(carried(weights, finer, k), finer.roll(-2 * k, dims=3))


def test_means_of_what_was_carried_are_what_is_carried_of_means() -> None:
    torch.manual_seed(0)
    weights, masks = torch.rand(1, 12, 12).softmax(dim=2), torch.rand(1, 2, 12, 16)
    torch.testing.assert_close(F.avg_pool2d(carried(weights, masks, 4), 2), carried(weights, F.avg_pool2d(masks, 2), 2))


def test_half_precision_is_compared_in_whole() -> None:
    a = torch.randn(1, 8, 9)
    with torch.autocast("cpu", torch.bfloat16):
        assert correspondence(a, a, 100.0).dtype == torch.float32
        assert aligned(correspondence(a, a, 100.0), a.bfloat16()).dtype == torch.float32
