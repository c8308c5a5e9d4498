"""What can be told to be wrong with a video and its given masks before a model is loaded, which takes seconds."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import cast

from longtake.types import Frame, check_masks
from longtake.video.masks import read_masks
from longtake.video.prompts import MaskFolder
from longtake.video.sources import is_address, open_source
from longtake.video.spans import Span


def check_inputs(source: Path | str | int, masks: Path | None, span: Span | None = None) -> None:
    """Reads the first frame and its masks, unless a camera or a stream would bring it, which are opened but once.

    Raises SourceError or MaskError where one cannot be read, where their sizes differ, or where nothing is marked.
    """
    given = None if masks is None else MaskFolder(masks)
    text = str(source)
    if not Path(text).exists() and (text.isdigit() or is_address(text)):
        return
    with closing(cast(Generator[Frame], iter(open_source(source, span)))) as frames:
        frame = next(frames)
    path = None if given is None else given.file(frame.name, frame.index)
    if path is not None:
        found = read_masks(path)
        check_masks(found, frame.size, f"frame {frame.name}")
        if given is not None and given.single:
            given.check_marked(found)
