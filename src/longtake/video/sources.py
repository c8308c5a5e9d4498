"""Anything that has frames, opened: a video or a stream, a folder of images, arrays, a camera."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from longtake.errors import SourceError
from longtake.video.camera import CameraSource
from longtake.video.file import FileSource
from longtake.video.folder import ArraySource, FolderSource
from longtake.video.source import Source
from longtake.video.spans import Span


def is_address(source: str) -> bool:
    """Whether a text is the address of a stream, and no path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", source) is not None


def open_source(
    source: Path | str | int | np.ndarray | Iterable[np.ndarray], span: Span | None = None, patience: float = 10.0
) -> Source:
    """A video file, a folder of images, the index of a camera, a stream's address, or arrays.

    patience: seconds without data after which a stream is given up. Raises SourceError naming what is
    wrong.
    """
    opened = _open(source, patience)
    opened.span = span or Span()
    return opened


def _open(source: Path | str | int | np.ndarray | Iterable[np.ndarray], patience: float) -> Source:
    if isinstance(source, int) or (isinstance(source, str) and source.isdigit() and not Path(source).exists()):
        return CameraSource(int(source))
    if isinstance(source, str) and is_address(source):
        return FileSource(source, patience)
    if not isinstance(source, Path | str):
        return ArraySource(source)
    path = Path(source)
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; give a video, a folder of images, a camera or an address")
    return FileSource(path)
