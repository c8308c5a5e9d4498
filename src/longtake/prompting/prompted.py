"""Rough prompts with their object and their frame: from options, and from files in JSON or YAML."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from longtake.errors import SettingError, UnfitError
from longtake.prompting.rough import Box, Line, Point, Rough
from longtake.types import LARGEST_ID
from longtake.video.spans import Mark, parse_mark


@dataclass(frozen=True)
class Prompted:
    """What is roughly told of one object at one place of a video, the first frame where there is no mark."""

    object: int
    rough: Rough
    at: Mark | None = None
    origin: str = ""
    """The file and the place in it, for messages."""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.origin, f"object {self.object}") if part)

    def words(self) -> dict[str, Any]:
        """What it says, as records keep it."""
        said = {key: value for key, value in asdict(self.rough).items() if value}
        return {"object": self.object, "at": self.at and self.at.text, **said}


def from_options(given: Mapping[str, Sequence[str]]) -> list[Prompted]:
    """Prompts of the first frame from `ID=X,Y...` as options have them; given: their texts by option.

    Options: --box, --point, --background, --scribble, --background-scribble. Raises SettingError on a text that is
    none, and on an object's second box.
    """
    roughs: dict[int, Rough] = {}
    for option, texts in given.items():
        shape, add = OPTIONS[option]
        for text in texts:
            name, numbers = _read(option, text, shape)
            rough = roughs.get(name, Rough())
            if option == "--box" and rough.box is not None:
                raise SettingError(f"--box {text}: object {name} has a box already; one for each object")
            roughs[name] = add(rough, numbers)
    return [Prompted(name, rough) for name, rough in roughs.items()]


OPTIONS: dict[str, tuple[str, Callable[[Rough, Line], Rough]]] = {
    "--box": ("X0,Y0,X1,Y1", lambda rough, n: replace(rough, box=(*n[0], *n[1]))),
    "--point": ("X,Y", lambda rough, n: replace(rough, points=(*rough.points, *n))),
    "--background": ("X,Y", lambda rough, n: replace(rough, background_points=(*rough.background_points, *n))),
    "--scribble": ("X,Y;X,Y;...", lambda rough, n: replace(rough, scribbles=(*rough.scribbles, n))),
    "--background-scribble": (
        "X,Y;X,Y;...",
        lambda rough, n: replace(rough, background_scribbles=(*rough.background_scribbles, n)),
    ),
}
"""How the numbers of each option are written, and what becomes of them."""


def _read(option: str, text: str, shape: str) -> tuple[int, Line]:
    """The object and the points of a text."""
    name, sign, rest = text.partition("=")
    try:
        numbers = [float(number) for number in re.split("[,;]" if "..." in shape else ",", rest)]
        points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        if not sign or not name.strip().isdigit() or not all(map(math.isfinite, numbers)):
            raise ValueError
        if "..." not in shape and len(numbers) != len(shape.split(",")):
            raise ValueError
    except ValueError:
        raise SettingError(f"{option} {text}: write it as ID={shape}, in pixels of the first frame") from None
    if not 0 < int(name) <= LARGEST_ID:
        raise SettingError(f"{option} {text}: object ids are whole numbers from 1 to {LARGEST_ID}")
    return int(name), points


class Entry(BaseModel):
    """An entry of a prompts file."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    object: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    frame: Annotated[int, Field(ge=0)] | None = None
    time: str | float | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()
    background_points: tuple[Point, ...] = ()
    scribbles: tuple[Annotated[Line, Field(min_length=1)], ...] = ()
    background_scribbles: tuple[Annotated[Line, Field(min_length=1)], ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> "Entry":
        if self.frame is not None and self.time is not None:
            raise ValueError("frame and time; leave one of them out")
        if not self.rough.inside and not self.rough.outside and self.box is None:
            raise ValueError("no box, no points, no scribbles")
        self.mark()
        return self

    @property
    def rough(self) -> Rough:
        """What it says of the object."""
        lines = (self.points, self.background_points, self.scribbles, self.background_scribbles)
        return Rough(self.box, *lines)

    def mark(self) -> Mark | None:
        """Where it is. Raises ValueError on a time that is none."""
        if self.frame is not None:
            return Mark(f"#{self.frame}", frame=self.frame)
        try:
            return None if self.time is None else parse_mark(f"{self.time}", "time")
        except SettingError as error:
            raise ValueError(str(error)) from error


def read_prompts(path: Path) -> list[Prompted]:
    """The prompts of a file, a list of entries.

    An entry has `object`; `frame` or `time`, or neither for the first frame; and any of box, points, background_points,
    scribbles and background_scribbles. Raises SettingError where the file cannot be read, UnfitError telling of every
    entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingError(f"{path}: no prompts can be read ({' '.join(str(error).split())}); JSON or YAML") from error
    if not isinstance(found, list) or not found:
        raise SettingError(f"{path}: no list of prompts; an entry is {{object: 1, frame: 0, box: [X0, Y0, X1, Y1]}}")
    prompts, problems = list[Prompted](), list[str]()
    for number, each in enumerate(found, start=1):
        origin = f"{path}, entry {number}"
        try:
            entry = TypeAdapter(Entry).validate_python(each)
        except ValidationError as error:
            problems += [f"{origin}: {_words(flaw)}" for flaw in error.errors()]
            continue
        prompts.append(Prompted(entry.object, entry.rough, entry.mark(), origin))
    if problems:
        raise UnfitError(problems, "segmented")
    return prompts


def _words(error: Any) -> str:
    """One of pydantic's errors in one line."""
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{key} is no key; there are: {', '.join(Entry.model_fields)}"
    if error["type"] == "missing" and len(error["loc"]) == 1:
        return f"no {key}"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{key} {error['input']}: {message}" if key else message
