"""A manifest: a video on each line, with its masks, its name, and settings of its own; CSV or JSONL."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from longtake.errors import SettingError, UnfitError
from longtake.video.sources import is_address


class Job(BaseModel):
    """One video of a manifest; all but its name are as `segment` takes them (size: None where it says native).

    name: of the folder with its results; the source's own, without its ending, where the manifest gives none. prompts:
    a file of rough prompts, beside the masks or in their place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    masks: Path | None = None
    name: str = Field(default="", pattern=r"^([^./\\\x00][^/\\\x00]*)?$")
    model: str = "default"
    weights: Path | None = None
    memory: str = "auto"
    size: Annotated[int, Field(ge=16)] | None = 480
    start: str | None = None
    end: str | None = None
    save: str = "overlay"
    device: str = "auto"
    precision: str = "auto"
    proposals: Path | None = None
    prompts: Path | None = None
    backend: Literal["torch", "onnx"] = "torch"

    @field_validator("size", mode="before")
    @classmethod
    def _number(cls, size: Any) -> Any:
        if size == "native":
            return None
        return int(size) if isinstance(size, str) and size.isdigit() else size


PATHS = ("masks", "prompts", "weights", "proposals")


def read_manifest(path: Path, common: Mapping[str, Any]) -> list[Job]:
    """The jobs of a manifest, in its order.

    Paths are relative to the manifest's folder. common: settings of all lines that do not have their own. An empty
    cell of a CSV file says nothing. Raises SettingError where the file cannot be read, UnfitError telling of every line
    that is wrong, of names that come twice and of settings that there are not.
    """
    jobs, problems = dict[str, tuple[int, Job]](), list[str]()
    for number, given in _lines(path):
        where = f"{path}, line {number}"
        if isinstance(given, str):
            problems.append(f"{where}: {given}")
            continue
        try:
            job = _located(Job(**{**common, **given}), path.parent)
        except ValidationError as error:
            problems += [f"{where}: {_words(each)}" for each in error.errors()]
            continue
        if job.masks is None and job.prompts is None:
            problems.append(f"{where}: no masks")
        if not job.name:
            problems.append(f"{where}: {job.source} has no name of its own; add a column `name`")
        elif job.name in jobs:
            problems.append(
                f"{where}: the name {job.name} is that of line {jobs[job.name][0]}, too; add a column `name`"
            )
        jobs.setdefault(job.name, (number, job))
    if problems:
        raise UnfitError(problems, "segmented")
    if not jobs:
        raise SettingError(f"{path}: no videos; a line for each, with the columns source and masks")
    return [job for _, job in jobs.values()]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The number of each line and what it gives, or what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: no manifest can be read ({error}); CSV or JSONL in UTF-8") from error
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield number, _object(line)
        return
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if None in row:
                yield reader.line_num, "more cells than the first line has names"
            else:
                yield (
                    reader.line_num,
                    {str(key).strip(): cell.strip() for key, cell in row.items() if cell and cell.strip()},
                )
    except csv.Error as error:
        yield reader.line_num, f"no CSV ({error})"


def _object(line: str) -> dict[str, Any] | str:
    try:
        given = json.loads(line)
    except ValueError as error:
        return f"no JSON ({error})"
    return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else "no object"


def _located(job: Job, folder: Path) -> Job:
    """The job with absolute paths and a name."""
    changes: dict[str, Any] = {}
    for key in PATHS:
        if (value := getattr(job, key)) is not None:
            changes[key] = (folder / value).absolute()
    if job.model.endswith(".safetensors"):
        changes["model"] = str((folder / job.model).absolute())
    if not is_address(job.source):
        path = (folder / job.source).absolute()
        changes["source"] = str(path)
        changes["name"] = job.name or (path.name if path.is_dir() else path.stem)
    return job.model_copy(update=changes)


def _words(error: Any) -> str:
    """One of pydantic's errors in one line."""
    key = ".".join(map(str, error["loc"][:1]))
    if error["type"] == "missing":
        return f"no {key}"
    if error["type"] == "extra_forbidden":
        return f"{key} is no setting; there are: {', '.join(Job.model_fields)}"
    if key == "name":
        return f"name {error['input']}: the name of a folder, without / and not beginning with a dot"
    return f"{key} {error['input']}: {error['msg'][0].lower()}{error['msg'][1:]}"
