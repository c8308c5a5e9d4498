"""Folders and archives of results, whole or not at all; the same files make the same archive, byte for byte."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from longtake.errors import OutputError
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole, whole_folder

Add = Callable[[str, bytes], None]
"""Takes a file's path inside, and what it holds."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file: the earliest that an archive can tell."""

UNIX, READABLE = 3, 0o100644 << 16


@contextlib.contextmanager
def packed(path: Path) -> Iterator[Add]:
    """An archive where the path ends in .zip, else a folder. Raises OutputError where it cannot be written."""
    make_folder(path.parent)
    with output(path), _archive(path) if is_archive(path) else _folder(path) as add:
        yield add


def is_archive(path: Path) -> bool:
    """Whether a path is one for an archive."""
    return path.suffix.lower() == ".zip"


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[Add]:
    with whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:

        def add(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, READABLE
            archive.writestr(entry, content)

        yield add


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[Add]:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(f"{path}: is there already; remove it, or choose another --out")
    with whole_folder(path) as partial:

        def add(name: str, content: bytes) -> None:
            place = partial / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

        yield add
