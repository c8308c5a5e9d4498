import math

import pytest
import torch

from longtake.nn import attention
from longtake.nn.attention import Reading, Similarity, affinity, attend, mean_affinity, read


def test_dot_affinity_by_hand() -> None:
    memory = torch.tensor([[1.0, 0], [0, 2]]).T.view(1, 1, 2, 2)  # two positions, two channels
    query = torch.tensor([1.0, 1]).view(1, 2, 1)
    weights = affinity(memory, query).flatten()
    scores = torch.tensor([1.0, 2.0]) / math.sqrt(2)
    torch.testing.assert_close(weights, scores.softmax(0))


def test_euclidean_affinity_is_the_negative_squared_distance() -> None:
    memory, query = torch.randn(1, 2, 3, 5), torch.randn(1, 3, 4)
    distance = torch.cdist(query.transpose(1, 2)[:, None], memory.transpose(2, 3)).square()
    expected = (-distance / math.sqrt(3)).softmax(-1)
    torch.testing.assert_close(affinity(memory, query, "euclidean"), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
def test_a_bias_is_added_to_the_scores_of_its_position(similarity: Similarity) -> None:
    memory, query, bias = torch.randn(1, 2, 3, 5), torch.randn(1, 3, 4), torch.tensor([0.0, 2, 0, 16, 0])
    expected = (affinity(memory, query, similarity).log() + bias).softmax(-1)
    torch.testing.assert_close(affinity(memory, query, similarity, bias=bias), expected, atol=1e-5, rtol=1e-4)


def test_top_keeps_only_the_best_positions() -> None:
    weights = affinity(torch.randn(1, 1, 3, 9), torch.randn(1, 3, 4), top=2)
    assert ((weights > 0).sum(-1) == 2).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 1, 4))


@pytest.mark.parametrize("keys", [1, 2])
def test_read_is_the_weighted_mean_of_values(keys: int) -> None:
    values, weights = torch.randn(1, 2, 3, 5), torch.rand(1, keys, 4, 5).softmax(-1)
    out = read(values, weights)
    for n in range(2):
        torch.testing.assert_close(out[0, n], values[0, n] @ weights[0, n % keys].T)


@pytest.mark.parametrize("at_once", [1, 2**24])
@pytest.mark.parametrize("top", [None, 3])
@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
@pytest.mark.parametrize("keys", [1, 2])
def test_mean_affinity_is_the_mean_over_each_objects_area(
    keys: int, similarity: Similarity, top: int | None, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "AT_ONCE", at_once)
    memory, query = torch.randn(2, keys, 3, 7), torch.randn(2, 3, 5)
    areas = torch.tensor([[0, 1, 0.5, 0, 0], [1, 0, 0, 0, 1]]).expand(2, 2, 5).clone()
    areas[1, 1] = 0  # the second object has no area in the second clip
    weights = affinity(memory, query, similarity, top).expand(2, 2, 5, 7)
    expected = (areas[..., None] * weights).sum(2) / areas.sum(2, keepdim=True).clamp(min=1)
    found = mean_affinity(memory, query, areas, similarity, top)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(2), torch.tensor([[1.0, 1.0], [1.0, 0.0]]))


def test_weights_hold_no_numbers_that_processors_are_slow_with() -> None:
    keys = torch.tensor([0.0, 60.0, 92.0, 200.0]).sqrt().reshape(1, 1, 1, 4)
    weights = affinity(keys, torch.zeros(1, 1, 1), "euclidean")
    assert weights[0, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    assert weights[weights > 0].min() > torch.finfo(torch.float32).tiny
    assert torch.tensor(-92.0).exp() < torch.finfo(torch.float32).tiny


@pytest.mark.parametrize("at_once", [1, 40, 2**22])
@pytest.mark.parametrize("top", [None, 3])
@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
@pytest.mark.parametrize("keys", [1, 3])
def test_parts_read_some_positions_at_a_time_are_one_memory_read_at_once(
    keys: int, similarity: Similarity, top: int | None, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "AT_ONCE", at_once)
    torch.manual_seed(0)
    memory, values, query = torch.randn(2, keys, 4, 12), torch.randn(2, 3, 5, 12), torch.randn(2, 4, 7)
    bias = torch.randn(12)
    for added in (None, bias):
        whole = read(values, affinity(memory, query, similarity, top, added))
        parts = attend(memory.split([2, 9, 1], dim=3), values.split([2, 9, 1], dim=3), query, similarity, top, added)
        torch.testing.assert_close(parts, whole)
        where, shares = torch.tensor([6, 0, 3]), (memory.split([2, 9, 1], dim=3), values.split([2, 9, 1], dim=3))
        for hold in (False, True):
            reading = Reading(shares[0], query, similarity, top, added, hold=hold)
            torch.testing.assert_close(reading.read(shares[1], where), whole[..., where])
            second = [part[1:] for part in shares[1]]
            torch.testing.assert_close(reading.read(second, where, slice(1, 2)), whole[1:, ..., where])
