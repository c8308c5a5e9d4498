from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from longtake.memory import tree


@dataclass(frozen=True)
class Inner:
    time: int
    keys: Tensor = tree.shared()
    values: Tensor = tree.owned()


@dataclass(frozen=True)
class Outer:
    entries: tuple[Inner, ...]
    last: Tensor = tree.owned()
    boxes: tuple[int, ...] = tree.slots()


def memory() -> Outer:
    entry = Inner(3, torch.arange(2.0).view(1, 2), torch.arange(6.0).view(1, 3, 2))
    return Outer((entry, entry), torch.arange(3.0, requires_grad=True).view(1, 3), (7, 8, 9))


def test_select_reorders_owned_tensors_and_slots_and_leaves_shared_ones() -> None:
    picked = tree.select(memory(), (2, 0))
    assert picked.last.tolist() == [[2, 0]]
    assert picked.boxes == (9, 7)
    assert picked.entries[1].values.tolist() == [[[4, 5], [0, 1]]]
    assert picked.entries[0].keys.tolist() == [[0, 1]]
    assert picked.entries[0].time == 3


def test_flatten_and_size() -> None:
    assert len(tree.flatten(memory())) == 5
    assert tree.size_in_bytes(memory()) == 4 * (2 * (2 + 6) + 3)


def test_detach() -> None:
    assert memory().last.requires_grad
    assert not tree.detach(memory()).last.requires_grad


def test_an_unmarked_tensor_is_refused() -> None:
    @dataclass(frozen=True)
    class Unmarked:
        keys: Tensor

    with pytest.raises(TypeError, match=r"Unmarked\.keys"):
        tree.flatten(Unmarked(torch.zeros(1)))
