"""A bank of entries, one per remembered frame: keys to be found by, values to be read.

Shapes: b batch, n objects, c key channels, v value channels, h height, w width at stride 16.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from longtake.memory.policy import Held, Plan, Role
from longtake.memory.tree import owned, shared, size_in_bytes


@dataclass(frozen=True)
class OwnedKeys:
    """A remembered frame whose keys depend on the object: keys [b, n, c, h, w], values [b, n, v, h, w]."""

    time: int
    role: Role
    keys: Tensor = owned()
    values: Tensor = owned()


@dataclass(frozen=True)
class SharedKeys:
    """A remembered frame whose keys are those of the image: keys [b, 1, c, h, w], values [b, n, v, h, w]."""

    time: int
    role: Role
    keys: Tensor = shared()
    values: Tensor = owned()


@dataclass(frozen=True)
class LocatedKeys(SharedKeys):
    """The same, and how much of each position is the object's at most: areas [b, n, h, w]."""

    areas: Tensor = owned()


@dataclass(frozen=True)
class CroppedKeys:
    """What of a remembered frame lies in each object's box: keys [b, n, c, s, s], values [b, n, v, s, s].

    boxes: [b, n, 4], in pixels of the fitted frame. known: [b, n], whether the object was followed by then.
    """

    time: int
    role: Role
    keys: Tensor = owned()
    values: Tensor = owned()
    boxes: Tensor = owned()
    known: Tensor = owned()


ABSENT = -1e9
"""The score of a position that is not there: its weight is 0."""

E = TypeVar("E", OwnedKeys, SharedKeys, LocatedKeys, CroppedKeys)


def kept(entries: Sequence[E], plan: Plan) -> tuple[E, ...]:
    """The entries that the plan keeps, without the one that it writes."""
    return tuple(entry for entry in entries if (entry.time, entry.role) in plan.kept)


def held(entries: Sequence[E]) -> tuple[Held, ...]:
    """What a policy may know of the entries."""
    return tuple(Held(entry.time, entry.role, size_in_bytes(entry)) for entry in entries)


def stack(entries: Sequence[E], slots: int | None = None) -> tuple[Float[Tensor, "b k c m"], Float[Tensor, "b n v m"]]:
    """Keys and values of all entries, positions flattened: m = frames x h x w.

    slots: bring them to as many frames by zeros, which `bias` marks as absent.
    """
    missing = 0 if slots is None else (slots - len(entries)) * entries[0].keys[0, 0, 0].numel()
    values = torch.cat([entry.values.flatten(3) for entry in entries], dim=3)
    return F.pad(stack_keys(entries), (0, missing)), F.pad(values, (0, missing))


def parts(entries: Sequence[E]) -> tuple[list[Float[Tensor, "b k c _"]], list[Float[Tensor, "b n v _"]]]:
    """Keys and values of each entry, positions flattened; views, not copies."""
    return [entry.keys.flatten(3) for entry in entries], [entry.values.flatten(3) for entry in entries]


def stack_keys(entries: Sequence[E]) -> Float[Tensor, "b k c m"]:
    """Keys of all entries, positions flattened as `stack` does."""
    return torch.cat([entry.keys.flatten(3) for entry in entries], dim=3)


def bias(entries: Sequence[E], given: float = 0.0, slots: int | None = None) -> Float[Tensor, " m"] | None:
    """What is added to the scores of each position: `given` in frames whose masks a person gave; None for nothing.

    slots: as in `stack`.
    """
    if not given and slots is None:
        return None
    added = [given if entry.role in ("first", "given") else 0.0 for entry in entries]
    added += [ABSENT] * ((slots or 0) - len(entries))
    size = entries[0].keys[0, 0, 0].numel()
    return torch.cat([entries[0].keys.new_full((size,), each, dtype=torch.float32) for each in added])
