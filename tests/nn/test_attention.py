import math

import pytest
import torch

from longtake.nn.attention import affinity, read


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


def test_weights_hold_no_numbers_that_processors_are_slow_with() -> None:
    keys = torch.tensor([0.0, 60.0, 92.0, 200.0]).sqrt().reshape(1, 1, 1, 4)
    weights = affinity(keys, torch.zeros(1, 1, 1), "euclidean")
    assert weights[0, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    assert weights[weights > 0].min() > torch.finfo(torch.float32).tiny
    assert torch.tensor(-92.0).exp() < torch.finfo(torch.float32).tiny
