"""Files and folders that appear whole or not at all."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside the path, to be written to: renamed when all went well, removed when anything did not."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The same for a folder, which may be there already where it is empty."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextlib.contextmanager
def whole_instead(path: Path) -> Iterator[Path]:
    """A copy of a folder, to be changed: takes the folder's place when all went well, removed when anything did not."""
    path = path.resolve()
    partial, before = (path.with_name(f".{path.name}.{ending}") for ending in ("partial", "before"))
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)
    try:
        shutil.copytree(path, partial)
        yield partial
        path.rename(before)
        partial.rename(path)
    except BaseException:
        if not path.exists() and before.exists():
            before.rename(path)
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(before, ignore_errors=True)
