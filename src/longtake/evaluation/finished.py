"""Finished runs read back from scores.json, as benchmark and evaluate write it, so that nothing is scored again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from longtake.errors import InputError, SettingError
from longtake.evaluation.bootstrap import intervals
from longtake.evaluation.evaluate import RunResult
from longtake.evaluation.protocols import Protocol, find_protocol
from longtake.evaluation.report.files import SCORES
from longtake.evaluation.results import MEASURES, ObjectResult, totals
from longtake.evaluation.scoring import Track

Share = Annotated[float, Field(ge=0, le=1)]
Known = float | None


class _Measure(BaseModel):
    mean: Known
    recall: Known
    decay: Known
    per_frame: list[Share]


class _Object(BaseModel):
    group: str
    frames: list[str]
    j: _Measure = Field(alias="J")
    f: _Measure = Field(alias="F")
    v: Known = Field(alias="V")


class _Part(BaseModel):
    """Figures over the videos with an attribute."""

    videos: int
    objects: int
    overall: Known = Field(alias="J&F")
    j: Known = Field(alias="J")
    f: Known = Field(alias="F")
    v: Known = Field(None, alias="V")


class _Run(BaseModel):
    objects: dict[Annotated[str, Field(pattern=r".+/\d+$")], _Object] = Field(min_length=1)
    by_attribute: dict[str, _Part] = {}


class _Protocol(BaseModel):
    name: str
    repeats: list[str] = []


class _Facts(BaseModel):
    """What only a benchmark knows; other things that are there are kept too."""

    frames_per_second: Known = None
    peak_memory_bytes: int | None = None
    peak_memory_means: str | None = None
    device: str | None = None


class _File(_Run):
    protocol: _Protocol
    run: str = ""
    other_runs: dict[str, _Run] = {}
    attributes: dict[str, list[str]] = {}
    benchmark: _Facts = _Facts()


@dataclass(frozen=True)
class Finished:
    """A run as it was scored: its scores.json, the protocol, figures, frames per second, bytes of memory and of what.

    by_attribute: figures over the videos that have an attribute, with their number. attributes: of each video.
    """

    path: Path
    protocol: Protocol
    result: RunResult
    speed: float | None
    memory: int | None
    means: str
    by_attribute: Mapping[str, Mapping[str, float]]
    attributes: Mapping[str, Sequence[str]]


def read_finished(path: Path, name: str) -> list[Finished]:
    """The run of a benchmark's folder or of a scores.json; all of them where evaluate compared several.

    name: what the run is to be called; one of several has its own name behind it. Raises InputError.
    """
    file = path / SCORES if path.is_dir() else path
    content = _read(file)
    try:
        protocol = find_protocol(content.protocol.name, bool(content.protocol.repeats))
    except SettingError as error:
        raise InputError(f"{file}: {content.protocol.name} is not a protocol of this version of longtake") from error
    return [_finished(file, protocol, called, run, content) for called, run in _runs(content, name)]


def _runs(content: _File, name: str) -> Iterator[tuple[str, _Run]]:
    if not content.other_runs:
        yield name, content
        return
    for own, run in {content.run: content, **content.other_runs}.items():
        yield f"{name}: {own}", run


def _read(file: Path) -> _File:
    try:
        return _File.model_validate_json(file.read_bytes())
    except OSError as error:
        what = "no such file" if not file.exists() else error.strerror
        raise InputError(f"{file}: {what}; give the folder of a finished benchmark, or a scores.json") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{file}: not what benchmark or evaluate writes ({where}: {first['msg'].lower()}); give their scores.json"
        ) from error


def _finished(file: Path, protocol: Protocol, name: str, run: _Run, content: _File) -> Finished:
    objects = [_object(file, called, thing) for called, thing in run.objects.items()]
    facts = content.benchmark
    return Finished(
        file,
        protocol,
        RunResult(name, {}, objects, totals(objects, protocol), intervals(objects)),
        facts.frames_per_second,
        facts.peak_memory_bytes,
        ", ".join(filter(None, (facts.device, facts.peak_memory_means))),
        {
            code: {k: _number(v) for k, v in part.model_dump(by_alias=True).items()}
            for code, part in run.by_attribute.items()
        },
        content.attributes,
    )


def _object(file: Path, name: str, thing: _Object) -> ObjectResult:
    video, _, number = name.rpartition("/")
    if not len(thing.frames) == len(thing.j.per_frame) == len(thing.f.per_frame) > 0:
        raise InputError(f"{file}: {name} has not one J and one F for each of its frames; score it again")
    figures = [thing.j.mean, thing.j.recall, thing.j.decay, thing.f.mean, thing.f.recall, thing.f.decay, thing.v]
    track = Track(thing.frames, thing.j.per_frame, thing.f.per_frame)
    return ObjectResult(video, int(number), thing.group, track, dict(zip(MEASURES, map(_number, figures), strict=True)))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def called(paths: Sequence[Path]) -> list[str]:
    """What to call runs or models: the last part of their paths that tells them apart. Raises SettingError on twins."""
    places = [_place(path.resolve()) for path in paths]
    if len(set(places)) < len(places):
        twice = next(path for i, path in enumerate(paths) if places[i] in places[:i])
        raise SettingError(f"{twice}: the same twice; give each once")
    for names in zip(*(place.parts[::-1] for place in places), strict=False):
        if len(set(names)) == len(names):
            return list(names)
    return [str(path) for path in paths]


def _place(path: Path) -> Path:
    """A run's folder, where a file has the name that it has in all of them; else the file without its ending."""
    if path.name in (SCORES, "model.safetensors"):
        return path.parent
    return path if path.is_dir() else path.with_suffix("")
