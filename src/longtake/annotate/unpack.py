"""Archives from anybody, unpacked without harm: only below a folder, no links, bounded files and bytes."""

import contextlib
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from longtake.errors import InputError
from longtake.video.sinks import output

MOST_FILES = 200_000
MOST_BYTES = 8 << 30

LONGEST = 200
"""Bytes of a name; file systems take 255."""

DEEPEST = 20
"""Folders in one another."""

BLOCK = 1 << 20

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, OSError)
"""What damaged archives and passwords raise."""


def unpack(
    path: Path, folder: Path, endings: Collection[str], most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES
) -> int:
    """Unpack the files of a zip that have one of these endings into an empty folder; returns how many.

    Bytes are counted as they come out, whatever the archive says. Hidden files are passed over. Raises InputError
    where the archive is none, is damaged, or would do harm; OutputError where the folder cannot be written.
    """
    left = most_bytes
    with _problems(path), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > most_files:
            raise InputError(f"{path}: {len(entries):,} files; an archive may hold {most_files:,}")
        wanted = [(entry, name) for entry in entries if (name := _safe(path, entry)) and name.suffix.lower() in endings]
        _check_apart(path, [name for _, name in wanted])
        for entry, name in wanted:
            target = folder / name
            with output(target):
                target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, output(target), target.open("xb") as file:
                while block := source.read(BLOCK):
                    if (left := left - len(block)) < 0:
                        raise InputError(f"{path}: more than {most_bytes:,} bytes when unpacked; pack less at once")
                    file.write(block)
    return len(wanted)


@contextlib.contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be unpacked ({error or type(error).__name__}); pack it again as .zip"
        ) from error


def _safe(path: Path, entry: zipfile.ZipInfo) -> PurePosixPath | None:
    """Where a file goes below the folder; None for hidden ones. Raises InputError where that would do harm."""
    name = entry.filename
    parts = name.split("/")
    if (kind := stat.S_IFMT(entry.external_attr >> 16)) not in (0, stat.S_IFREG):
        what = "a link" if kind == stat.S_IFLNK else "no plain file"
        raise InputError(f"{path}: {name!a} is {what}; pack plain files")
    if PureWindowsPath(name).drive or "\\" in name or not set(parts).isdisjoint(("", ".", "..")):
        raise InputError(f"{path}: {name!a} would lie outside; pack files by names below one folder")
    if len(parts) > DEEPEST or any(len(part.encode(errors="replace")) > LONGEST for part in parts):
        raise InputError(f"{path}: {name[:60]!a}... is too long a name, or too deep; pack shorter ones")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {name!a} is compressed in a rare way; pack it again as an ordinary .zip")
    if not name.isprintable():
        raise InputError(f"{path}: {name!a} is not a name that a file can have")
    return None if any(part.startswith(".") or part == "__MACOSX" for part in parts) else PurePosixPath(name)


def _check_apart(path: Path, names: Sequence[PurePosixPath]) -> None:
    """Raises InputError where two files would lie in one place, also where systems do not tell cases apart."""
    files = Counter(str(name).casefold() for name in names)
    for name in names:
        if files[str(name).casefold()] > 1 or any(str(folder).casefold() in files for folder in name.parents):
            raise InputError(f"{path}: {str(name)!a} is in it twice; pack each file once")
