"""The matching layer gives assignments, the best ones where they are clear, and right gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from longtake.nn.matching import matching


def everything(similarity: Tensor) -> Tensor:
    return torch.ones_like(similarity, dtype=torch.bool)


@given(st.integers(1, 7), st.integers(1, 30), st.integers(0, 10_000), st.booleans())
def test_rows_sum_to_one_and_columns_to_at_most_one(objects: int, more: int, seed: int, contested: bool) -> None:
    draw = torch.Generator().manual_seed(seed)
    similarity = torch.rand(1, objects, objects + more, generator=draw)
    if contested:  # all objects want the same proposals
        similarity = similarity[:, :1] + 0.01 * similarity
    found = matching(similarity, everything(similarity), objects + more)
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(dim=2), torch.ones(1, objects), atol=1e-3, rtol=0)
    assert found.sum(dim=1).max() <= 1 + 1e-3


def test_clear_cases_are_matched_as_the_hungarian_algorithm_does() -> None:
    draw = torch.Generator().manual_seed(0)
    for _ in range(200):
        objects = int(torch.randint(1, 6, (), generator=draw))
        count = objects + int(torch.randint(1, 25, (), generator=draw))
        similarity = 0.3 * torch.rand(1, objects, count, generator=draw)
        similarity[0, torch.arange(objects), torch.randperm(count, generator=draw)[:objects]] += 0.5
        found = matching(similarity, everything(similarity), count)
        _, columns = linear_sum_assignment(-similarity[0].numpy())
        assert found[0].argmax(dim=1).tolist() == columns.tolist()
        assert found[0].max(dim=1).values.min() > 0.9


def test_two_objects_that_want_one_proposal_share_out_two() -> None:
    similarity = torch.tensor([[[0.9, 0.6, 0.0], [0.9, 0.0, 0.0]]])
    found = matching(similarity, everything(similarity), 3, steps=200)
    assert found[0].argmax(dim=1).tolist() == [1, 0]


@pytest.mark.parametrize("average", ["projected", "before_projection"])
def test_gradients_agree_with_finite_differences(average: str) -> None:
    torch.manual_seed(1)
    similarity = torch.rand(1, 2, 5, dtype=torch.float64, requires_grad=True)
    allowed = everything(similarity)
    allowed[0, 1, 4] = False
    assert torch.autograd.gradcheck(lambda s: matching(s, allowed, 3, steps=6, average=average), similarity)


def test_what_is_not_allowed_changes_nothing() -> None:
    """Padding of objects and proposals takes no part in the beginning, the projections or their divisors."""
    torch.manual_seed(0)
    small = torch.rand(1, 2, 5)
    padded, allowed = torch.rand(1, 4, 9), torch.zeros(1, 4, 9, dtype=torch.bool)
    padded[:, :2, :5], allowed[:, :2, :5] = small, True
    alone, among = matching(small, everything(small), 5), matching(padded, allowed, 9)
    torch.testing.assert_close(among[:, :2, :5], alone)
    assert among[:, 2:].abs().max() == among[:, :, 5:].abs().max() == 0


def test_proposals_of_an_object_s_own_are_contested_by_nobody() -> None:
    similarity = torch.tensor([[[0.1, 0.9, 0.2], [0.1, 0.9, 0.2]]])
    found = matching(similarity, everything(similarity), 1)
    assert found[0].argmax(dim=1).tolist() == [1, 1]
    assert found[0, :, 1].min() > 0.9


def test_more_objects_than_proposals_leave_some_with_nothing() -> None:
    similarity = torch.tensor([[[0.9], [0.5], [0.4]]])
    found = matching(similarity, everything(similarity), 1)
    assert found.sum() <= 1 + 1e-3
    assert found[0, 0, 0] > 0.9
    assert found[0, 1:].max() < 0.1
    nothing = matching(similarity, torch.zeros_like(similarity, dtype=torch.bool), 1)
    assert nothing.abs().max() == 0
    assert matching(similarity[:, :, :0], everything(similarity[:, :, :0]), 0).shape == (1, 3, 0)


def test_dmm_net_s_average_is_no_assignment() -> None:
    """Rows sum to over 2, single entries to over 1: what its code gives for 3 x 30 random similarities."""
    draw = torch.Generator().manual_seed(0)
    similarity = torch.rand(8, 3, 30, generator=draw)
    found = matching(similarity, everything(similarity), 30, average="before_projection")
    assert 2.2 < found.sum(dim=2).mean() < 2.7
    assert 1.0 < found.max() < 1.1


def test_half_precision_is_matched_in_whole() -> None:
    similarity = torch.rand(1, 2, 5).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert matching(similarity, everything(similarity), 5).dtype == torch.float32
