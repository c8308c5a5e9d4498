"""A photograph whose objects are known: from a mask of ids, a saliency mask, or a list of instances."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from longtake.data.coco import Instances
from longtake.data.images import Ids, Rgb, Store, read_foreground
from longtake.errors import InputError


@dataclass(frozen=True)
class Still(ABC):
    """A photograph whose objects are known."""

    image: Path

    @property
    @abstractmethod
    def truth(self) -> Path:
        """The file that holds its objects."""

    @abstractmethod
    def ids(self, store: Store) -> Ids:
        """An id per pixel, 0 for none, 255 for void. Raises UnreadableError, MaskError."""

    def rgb(self, store: Store, ids: UInt8[np.ndarray, "height width"], reduce: int = 1) -> Rgb:
        """The photograph at 1/reduce of its size. Raises UnreadableError; InputError where its size is not the ids'."""
        image = store.rgb(self.image, reduce)
        if image.shape[:2] != tuple(-(-side // reduce) for side in ids.shape):
            raise InputError(f"{self.truth}: {ids.shape[1]}x{ids.shape[0]} pixels, but {self.image} is of another size")
        return image


@dataclass(frozen=True)
class Masked(Still):
    """A photograph with a mask of ids. white: see `longtake.data.images.read_ids`."""

    mask: Path
    white: bool | None = None

    @property
    def truth(self) -> Path:
        return self.mask

    def ids(self, store: Store) -> Ids:
        return store.ids(self.mask, self.white)


@dataclass(frozen=True)
class Salient(Still):
    """A photograph with one object, whose mask is a grey that may be soft."""

    mask: Path

    @property
    def truth(self) -> Path:
        return self.mask

    def ids(self, store: Store) -> Ids:
        return store.get(("foreground", self.mask), lambda: read_foreground(self.mask))


@dataclass(frozen=True)
class Listed(Still):
    """A photograph whose instances a COCO file lists."""

    listing: Path
    instances: Instances = field(repr=False, compare=False)
    number: int

    @property
    def truth(self) -> Path:
        return self.listing

    def ids(self, store: Store) -> Ids:
        return store.get(("instances", self.listing, self.number), lambda: self.instances.ids(self.number))


@dataclass(frozen=True)
class Stills:
    """The photographs of a folder. notes: what was passed over, a line each."""

    layout: str
    items: Sequence[Still]
    notes: list[str] = field(default_factory=list)
