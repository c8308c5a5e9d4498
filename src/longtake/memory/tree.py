"""One walker over the memories of all systems.

A memory is a frozen dataclass. Each tensor in it is marked shared ([b, ...], the same for all objects) or owned
([b, n, ...], one column per object); slots are tuples of n Python values. Dataclasses and tuples of them nest.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

Kind = Literal["shared", "owned"]
T = TypeVar("T")


def shared() -> Any:
    """A tensor field [b, ...] that all objects share."""
    return dataclasses.field(metadata={"kind": "shared"})


def owned() -> Any:
    """A tensor field [b, n, ...] with a column per object."""
    return dataclasses.field(metadata={"kind": "owned"})


def slots() -> Any:
    """A tuple of n Python values, one per object."""
    return dataclasses.field(metadata={"kind": "slots"})


def map_tensors(memory: T, function: Callable[[Tensor, Kind], Tensor]) -> T:
    """The same memory with every tensor replaced by `function(tensor, kind)`."""
    return _walk(memory, function, lambda values: values)


def select(memory: T, columns: Sequence[int]) -> T:
    """The memory of these objects alone, in this order."""
    index = torch.tensor(list(columns), dtype=torch.long)

    def pick(tensor: Tensor, kind: Kind) -> Tensor:
        return tensor if kind == "shared" else tensor.index_select(1, index.to(tensor.device))

    return _walk(memory, pick, lambda values: tuple(values[i] for i in columns))


def detach(memory: T) -> T:
    """The same memory without gradients."""
    return map_tensors(memory, lambda tensor, _: tensor.detach())


def flatten(memory: Any) -> list[Tensor]:
    """All tensors, in the order of the fields."""
    found: list[Tensor] = []

    def keep(tensor: Tensor, _: Kind) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(memory, keep)
    return found


def size_in_bytes(memory: Any) -> int:
    """Bytes that the tensors hold."""
    return sum(tensor.element_size() * tensor.numel() for tensor in flatten(memory))


def _walk(
    memory: T, tensors: Callable[[Tensor, Kind], Tensor], values: Callable[[tuple[Any, ...]], tuple[Any, ...]]
) -> T:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(memory):  # type: ignore[arg-type]
        value, kind = getattr(memory, field.name), field.metadata.get("kind")
        if isinstance(value, Tensor):
            if kind not in ("shared", "owned"):
                raise TypeError(f"{type(memory).__name__}.{field.name} is a tensor that is neither shared nor owned")
            changes[field.name] = tensors(value, kind)
        elif kind == "slots":
            changes[field.name] = values(value)
        elif dataclasses.is_dataclass(value):
            changes[field.name] = _walk(value, tensors, values)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(
                _walk(item, tensors, values) if dataclasses.is_dataclass(item) else item for item in value
            )
    return dataclasses.replace(memory, **changes)  # type: ignore[type-var]
