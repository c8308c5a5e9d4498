"""What meta.json of YouTube-VOS and <split>_meta.json of LVOS list: the objects of each video, and their frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from longtake.errors import InputError

LVOS_STEP = 5
"""Numbers from one annotated frame of LVOS to the next."""


@dataclass(frozen=True)
class FrameRange:
    """Frame numbers from start to end, the last excluded; count is how many the metadata says there are."""

    start: int
    end: int
    count: int | None

    @property
    def numbers(self) -> range:
        """The numbers of the frames (every fifth: 6 of 30 frames per second)."""
        return range(self.start, self.end, LVOS_STEP)


@dataclass(frozen=True)
class Listed:
    """An object in the metadata: its category, its frames by name (YouTube-VOS) or as a range of numbers (LVOS)."""

    category: str | None = None
    frames: tuple[str, ...] = ()
    range: FrameRange | None = None


Number = Annotated[int, BeforeValidator(lambda value: int(value) if isinstance(value, str) else value)]


class _Range(BaseModel):
    start: Number
    end: Number
    frame_nums: Number | None = None


class _Object(BaseModel):
    model_config = ConfigDict(extra="ignore")
    category: str | None = None
    frames: tuple[str, ...] = ()
    frame_range: _Range | None = None

    def listed(self) -> Listed:
        span = self.frame_range
        return Listed(self.category, self.frames, FrameRange(span.start, span.end, span.frame_nums) if span else None)


class _Video(BaseModel):
    model_config = ConfigDict(extra="ignore")
    objects: Mapping[int, _Object]


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")
    videos: Mapping[str, _Video]


def find_metadata(folder: Path, split: str | None) -> Path | None:
    """The metadata of a split, in its folder or beside it; those with captions (`*_expression_meta.json`) come last."""
    named = [name for name in dict.fromkeys((split, folder.name)) if name]
    names = [other for name in named for other in (name, {"val": "valid", "valid": "val"}.get(name, name))]
    found = sorted(folder.glob("*meta.json"), key=lambda path: ("expression" in path.name, path.name))
    beside = [folder.parent / f"{name}_meta.json" for name in names]
    best = [path for path in found if path.name in {f"{name}_meta.json" for name in names}]
    return next((path for path in (*best, *found, *beside) if path.is_file()), None)


def read_metadata(path: Path) -> tuple[Literal["youtube-vos", "lvos"], dict[str, dict[int, Listed]]]:
    """Whose metadata it is, and the objects of each video. Raises InputError naming the place that is wrong."""
    try:
        content = _Metadata.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = " > ".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: {place or 'the file'}: {first['msg']} (problems there: {error.error_count()})"
        ) from error
    videos = {name: {i: thing.listed() for i, thing in video.objects.items()} for name, video in content.videos.items()}
    things = [thing for objects in videos.values() for thing in objects.values()]
    ranged, framed = any(thing.range for thing in things), any(thing.frames for thing in things)
    return ("lvos" if ranged or (things and not framed) else "youtube-vos"), videos
