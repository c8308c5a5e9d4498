"""What meta.json of YouTube-VOS and <split>_meta.json of LVOS list: the objects of each video, and their frames.

LVOS describes objects in words in <split>_expression_meta.json (V1) and labels videos with attributes in
<split>_meta_attribute.json (V2), each beside the first; what these two say is added to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from longtake.data.attributes import Codes, in_order
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
    parent: str | None = None
    """The category above its own."""
    caption: str | None = None
    """What it is, in a sentence."""


@dataclass(frozen=True)
class ListedVideo:
    """A video in the metadata: its objects by id, and its attributes, which are None where nobody gave any."""

    objects: Mapping[int, Listed]
    attributes: Codes | None = None


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
    parent: str | None = Field(None, validation_alias=AliasChoices("supercategory", "parent_category", "parent_class"))
    caption: str | None = None

    def listed(self) -> Listed:
        span = self.frame_range
        frames = FrameRange(span.start, span.end, span.frame_nums) if span else None
        return Listed(self.category or None, self.frames, frames, self.parent or None, self.caption or None)


class _Video(BaseModel):
    model_config = ConfigDict(extra="ignore")
    objects: Mapping[int, _Object]
    attributes: tuple[str, ...] | None = None

    def listed(self) -> ListedVideo:
        objects = {i: thing.listed() for i, thing in self.objects.items()}
        return ListedVideo(objects, None if self.attributes is None else in_order(self.attributes))


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")
    videos: Mapping[str, _Video]


class _Labels(BaseModel):
    """The attributes of a video, as LVOS writes them among other things."""

    model_config = ConfigDict(extra="ignore")
    attributes: tuple[str, ...]


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="ignore")
    videos: Mapping[str, _Labels]

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, content: Any) -> Any:
        """A mapping from videos to lists as LVOS would write it."""
        if not isinstance(content, dict):
            return content
        videos = content["videos"] if isinstance(content.get("videos"), dict) else content
        return {"videos": {name: {"attributes": own} if isinstance(own, list) else own for name, own in videos.items()}}


Model = TypeVar("Model", bound=BaseModel)


def find_metadata(folder: Path, split: str | None) -> Path | None:
    """The metadata of a split, in its folder or beside it; those with captions (`*_expression_meta.json`) come last."""
    names = _spellings(folder, split)
    found = sorted(folder.glob("*meta.json"), key=lambda path: ("expression" in path.name, path.name))
    found += sorted(folder.glob("*_meta_attribute.json"))
    beside = [folder.parent / f"{name}_meta.json" for name in names]
    best = [path for path in found if path.name in {f"{name}_meta.json" for name in names}]
    return next((path for path in (*best, *found, *beside) if path.is_file()), None)


def find_beside(metadata: Path, split: str | None, ending: str) -> Path | None:
    """The file with this ending, `expression_meta` or `meta_attribute`, that is beside the metadata of a split."""
    names = [f"{name}_{ending}.json" for name in _spellings(metadata.parent, split)]
    found = [*(metadata.parent / name for name in names), *sorted(metadata.parent.glob(f"*_{ending}.json"))]
    return next((path for path in found if path.is_file()), None)


def _spellings(folder: Path, split: str | None) -> list[str]:
    """What a split may be called in the names of its files."""
    named = [name for name in dict.fromkeys((split, folder.name)) if name]
    return [other for name in named for other in (name, {"val": "valid", "valid": "val"}.get(name, name))]


def read_metadata(path: Path) -> tuple[Literal["youtube-vos", "lvos"], dict[str, ListedVideo]]:
    """Whose metadata it is, and what it lists. Raises InputError naming the place that is wrong."""
    content = _read(_Metadata, path)
    videos = {name: video.listed() for name, video in content.videos.items()}
    things = [thing for video in videos.values() for thing in video.objects.values()]
    ranged, framed = any(thing.range for thing in things), any(thing.frames for thing in things)
    return ("lvos" if ranged or (things and not framed) else "youtube-vos"), videos


def read_attributes(path: Path) -> dict[str, Codes]:
    """The attributes of each video, from a file of {"VIDEO": ["FM", ...]}, or of that in "videos", or as LVOS has it.

    Raises InputError naming the place that is wrong.
    """
    return {name: in_order(video.attributes) for name, video in _read(_Attributes, path).videos.items()}


def with_captions(videos: Mapping[str, ListedVideo], expressions: Path | None) -> dict[str, ListedVideo]:
    """The videos with the captions of another file, for objects that have none. Raises InputError."""
    if expressions is None:
        return dict(videos)
    told, out = read_metadata(expressions)[1], dict[str, ListedVideo]()
    for name, video in videos.items():
        words = told[name].objects if name in told else {}
        objects = {
            i: replace(thing, caption=words[i].caption) if i in words and thing.caption is None else thing
            for i, thing in video.objects.items()
        }
        out[name] = replace(video, objects=objects)
    return out


def with_attributes(videos: Mapping[str, ListedVideo], attributes: Path | None) -> dict[str, ListedVideo]:
    """The videos with the attributes of another file, for those that have none. Raises InputError."""
    told = {} if attributes is None else read_attributes(attributes)
    return {
        name: video if video.attributes is not None else replace(video, attributes=told.get(name))
        for name, video in videos.items()
    }


def _read(model: type[Model], path: Path) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = " > ".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: {place or 'the file'}: {first['msg']} (problems there: {error.error_count()})"
        ) from error
