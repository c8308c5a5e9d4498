import math

import pytest
import torch

from longtake.nn.aggregate import EXCLUDED, background, log_odds, merge_cohorts, soft_aggregate

VALID = torch.ones(1, 2, dtype=torch.bool)


def pixel(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def test_soft_aggregation_of_two_objects_by_hand() -> None:
    out = soft_aggregate(pixel(0.5, 0.8), VALID).softmax(1).flatten()
    odds = torch.tensor([0.1 / 0.9, 1.0, 4.0])
    torch.testing.assert_close(out, odds / odds.sum())


def test_an_object_that_is_not_valid_counts_for_nothing() -> None:
    alone = soft_aggregate(pixel(0.7), VALID[:, :1]).softmax(1).flatten()
    padded = soft_aggregate(pixel(0.7, 0.9), torch.tensor([[True, False]])).softmax(1).flatten()
    torch.testing.assert_close(padded[:2], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("merge", "expected"), [("product", 0.1), ("minimum", 0.2)])
def test_background(merge: str, expected: float) -> None:
    assert background(pixel(0.5, 0.8), merge).item() == pytest.approx(expected)


def test_log_odds_stay_finite_in_half_precision() -> None:
    out = log_odds(torch.tensor([0.9999, 1.0, 0.0], dtype=torch.bfloat16))
    assert out.dtype == torch.float32
    assert out.abs().max() <= math.log(1e7) + 0.5


def test_two_groups_merge_by_hand() -> None:
    first, second = (torch.log(pixel(*shares)) for shares in ((0.4, 0.6), (0.5, 0.5)))
    odds = torch.tensor([0.2 / 0.8, 0.6 / 0.4, 1.0])
    out = merge_cohorts([first, second], "grouped").softmax(1).flatten()
    torch.testing.assert_close(out, odds / odds.sum())


def test_who_cannot_be_in_a_group_is_nowhere_in_all() -> None:
    groups = [torch.log(pixel(0.4, 0.6)), torch.cat([torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), EXCLUDED)], 1)]
    assert merge_cohorts(groups, "grouped").softmax(1).flatten()[2] == 0


def test_cohorts_merge_into_what_one_cohort_gives() -> None:
    objects = torch.rand(1, 3, 4, 5)
    valid = torch.ones(1, 3, dtype=torch.bool)
    together = soft_aggregate(objects, valid)
    apart = merge_cohorts([soft_aggregate(objects[:, :1], valid[:, :1]), soft_aggregate(objects[:, 1:], valid[:, 1:])])
    torch.testing.assert_close(apart, together, atol=1e-4, rtol=1e-4)
