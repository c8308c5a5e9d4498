"""Problems that many files of a video share, told in a line for each kind of problem."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from longtake.data.labels import read_labels
from longtake.errors import MaskError

SHOWN = 5
"""Names that a line shows."""


def some(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def counted(count: int, noun: str) -> str:
    """A number with its noun in the plural where it has to be."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Folded:
    """What is wrong with the files of a video, by kind."""

    def __init__(self, video: str) -> None:
        self.video = video
        self.kinds: dict[tuple[str, str], list[str]] = {}

    def add(self, noun: str, flaw: str, *names: str) -> None:
        """Files with a flaw; nouns and flaws read as "12 masks that cannot be read"."""
        if names:
            self.kinds.setdefault((noun, flaw), []).extend(names)

    def lines(self) -> list[str]:
        """A line for each kind, with the number of files and the first few names."""
        return [
            f"{self.video}: {counted(len(names), noun)} {flaw}: {some(names)}"
            for (noun, flaw), names in self.kinds.items()
        ]

    def read(self, path: Path, name: str, noun: str) -> np.ndarray | None:
        """An image of ids; None, and a problem more, where it is none."""
        try:
            return read_labels(path)
        except MaskError as error:
            self.add(noun, _flaw(error, path), name)
            return None


def _flaw(error: MaskError, path: Path) -> str:
    """What a mask's error says, without what differs from file to file."""
    if path.is_file() and not path.stat().st_size:
        return "of 0 bytes"
    reason = str(error).removeprefix(f"{path}: ").split(" (")[0]
    return "that cannot be read" if reason.startswith("not a readable") else f"that cannot be used ({reason})"


def spelled_otherwise(missing: Sequence[str], names: Sequence[str]) -> str:
    """A hint where a frame that is missing is there by another spelling of its number; nothing where it is not."""
    numbers = {int(name): name for name in names if name.isdecimal()}
    alike = [numbers[int(name)] for name in missing if name.isdecimal() and int(name) in numbers]
    return f" (there is a {alike[0]})" if alike else ""
