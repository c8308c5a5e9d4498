"""What a paper leaves out of its system to tell what each part is worth, as switches of the preset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A row of the paper's table, by the paper's name for it.

    settings: switches of the preset. memory: a policy as `parse_policy` reads it, "auto" for the system's own.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    memory: str = "auto"


@dataclass(frozen=True)
class Ablation:
    """A table of a paper: which it is, what is said of the training of its rows; the rows, the full system first."""

    source: str
    training: str
    variants: tuple[Variant, ...]
