"""What formats have in common that are read from files: problems told with their place, names fit for folders."""

import contextlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from longtake.errors import InputError, LongtakeError
from longtake.export.exchange import Region, Still, checked_ids

log = logging.getLogger("longtake")

T = TypeVar("T")

DAMAGED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What content of another shape than the expected one raises."""


@dataclass(frozen=True)
class Parsed:
    """A file and what it holds."""

    path: Path
    content: Any

    @contextlib.contextmanager
    def problems(self, where: str = "") -> Iterator[None]:
        """What is not as the format has it, as an InputError that names the file and the place."""
        try:
            yield
        except LongtakeError:
            raise
        except DAMAGED as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"{self.path}: {where + ': ' if where else ''}not as the format has it ({what})"
            ) from error

    def tell(self, line: str) -> None:
        """Something that is good to know."""
        log.info("%s: %s", self.path, line)

    def stills(self, found: Iterable[Still]) -> list[Still]:
        """The frames of a video, in order. Raises InputError where two have one name, or one has no pixels."""
        stills = list(found)
        twice = next((name for name, count in Counter(still.name for still in stills).items() if count > 1), None)
        if twice is not None:
            raise InputError(f"{self.path}: several frames of a video are named {twice}")
        for still in stills:
            if min(still.size) < 1:
                raise InputError(f"{self.path}: frame {still.name}: {still.size[1]}x{still.size[0]} pixels")
        return stills

    def new_ids(self, video: str, wanted: Iterable[Any]) -> dict[int, int] | None:
        """New ids for the objects of a video, where theirs are none; told of. None where they can stay."""
        new = checked_ids([int(name) for name in wanted])
        if new is not None:
            changes = ", ".join(f"{old} is {name}" for old, name in list(new.items())[:5])
            self.tell(f"{video}: ids that no object can have; new ones: {changes}{', ...' if len(new) > 5 else ''}")
        return new

    def add(self, regions: dict[int, Region], name: int, region: Region | None) -> None:
        """One more part of an object in a frame; empty ones are passed over."""
        if region is None:
            return
        known = regions.get(name)
        regions[name] = region if known is None else joined(known, region)


def joined(one: Region, other: Region) -> Region:
    """Two parts of an object as one region."""
    tops, lefts = (one.top, other.top), (one.left, other.left)
    bottoms = [each.place[0].stop for each in (one, other)]
    rights = [each.place[1].stop for each in (one, other)]
    inside = np.zeros((max(bottoms) - min(tops), max(rights) - min(lefts)), bool)
    for part in (one, other):
        height, width = part.inside.shape
        top, left = part.top - min(tops), part.left - min(lefts)
        inside[top : top + height, left : left + width] |= part.inside
    return replace(one, top=min(tops), left=min(lefts), inside=inside)


def folder_name(words: str) -> str:
    """A name that a folder can have."""
    return re.sub(r"[^\w.()+-]+", "_", words).strip("._") or "video"


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises InputError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error


def named_apart(groups: Mapping[str, T], path: Path) -> list[tuple[str, T]]:
    """Things with names that folders can have. Raises InputError where two would have the same, or there are none."""
    named = [(folder_name(name), thing) for name, thing in groups.items()]
    if twice := [name for name, count in Counter(name for name, _ in named).items() if count > 1]:
        raise InputError(f"{path}: several videos are named {twice[0]}")
    if not named:
        raise InputError(f"{path}: no frames in it")
    return named


def renumbered(name: int, new: Mapping[int, int] | None) -> int:
    """An object's id, or its new one."""
    return name if new is None else new[name]
