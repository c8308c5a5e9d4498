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


class Flaws:
    """What is wrong with files, each told of with its path, or in one line where many share a flaw."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[Path]] = {}

    def add(self, path: Path, flaw: str) -> None:
        """A file with a flaw, in words that may begin with its path."""
        self.kinds.setdefault(flaw.removeprefix(f"{path}: "), []).append(path)

    def lines(self, where: str, noun: str) -> list[str]:
        """A line per file, or per flaw where more than a few files of `where` have it."""
        found = []
        for flaw, paths in self.kinds.items():
            names = [path.stem for path in paths]
            folded = [f"{where}: {counted(len(paths), noun)}: {flaw}: {some(names)}, in {paths[0].parent}"]
            found += folded if len(paths) > SHOWN else [f"{path}: {flaw}" for path in paths]
        return found


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
