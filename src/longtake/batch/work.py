"""One video of a batch: its folder appears whole or not at all, once, whoever does it and however often it is asked."""

import errno
import functools
import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longtake.batch.manifest import Job
from longtake.errors import LongtakeError
from longtake.export.segment import segment
from longtake.prompting.prompted import read_prompts
from longtake.systems.checkpoint import Card
from longtake.systems.models import load
from longtake.systems.protocol import AnySystem
from longtake.video.spans import parse_span
from longtake.video.whole import whole_folder

log = logging.getLogger("longtake")

RECORD = "job.json"
"""Stands in the folder of every video that is done: the job, its frames, its seconds."""


@dataclass(frozen=True)
class Outcome:
    """What became of a video. state before: it was done by an earlier call. full: there is no room for more results."""

    name: str
    state: Literal["done", "before", "failed"]
    frames: int = 0
    seconds: float = 0.0
    message: str = ""
    full: bool = False


def work(job: Job, out: Path) -> Outcome:
    """Segment a video into out/NAME; never raises what is wrong with one video."""
    began = time.perf_counter()
    try:
        with whole_folder(out / job.name) as folder:
            frames = _segment(job, folder)
            seconds = round(time.perf_counter() - began, 3)
            record = {"job": job.model_dump(mode="json"), "frames": frames, "seconds": seconds}
            (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except Exception as error:
        if not isinstance(error, LongtakeError):
            log.debug("%s", job.name, exc_info=True)
        return failed(job, error)
    return Outcome(job.name, "done", frames, seconds)


def sort_out(jobs: Sequence[Job], out: Path) -> tuple[list[Outcome], list[Job]]:
    """What is known of videos without any work, done before or impossible, and the jobs that are left."""
    outcomes, left = list[Outcome](), list[Job]()
    for job in jobs:
        try:
            found = _earlier(job, out)
        except LongtakeError as error:
            found = failed(job, error)
        if found is None:
            left.append(job)
        else:
            outcomes.append(found)
    return outcomes, left


def _earlier(job: Job, out: Path) -> Outcome | None:
    """The outcome of a video that was done before. Raises LongtakeError where its folder holds something else."""
    folder = out / job.name
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        same = Job(**record["job"]) == job
        found = Outcome(job.name, "before", int(record["frames"]), float(record["seconds"]))
    except FileNotFoundError:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise LongtakeError(f"{folder}: holds something that is no batch's; remove it, or name the video") from None
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LongtakeError(f"{folder / RECORD}: cannot be read ({error}); remove {folder} to do it again") from error
    if not same:
        raise LongtakeError(f"{folder}: was made with other settings; remove it to do it again, or name the video anew")
    return found


def failed(job: Job, error: BaseException | str) -> Outcome:
    """The outcome of a video that cannot be done."""
    words = str(error) if isinstance(error, LongtakeError | str) else f"{type(error).__name__}: {error}"
    cause: BaseException | None = error if isinstance(error, BaseException) else None
    full = False
    while cause is not None:
        full = full or getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        cause = cause.__cause__
    return Outcome(job.name, "failed", message=" ".join(words.split()), full=full)


def sweep(out: Path) -> None:
    """Remove what killed workers have left half done."""
    for partial in out.glob(".*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


@functools.lru_cache(maxsize=1)
def _loaded(model: str, weights: Path | None) -> tuple[AnySystem, Card]:
    """A worker's model, loaded once for all videos that follow each other with it."""
    return load(model, weights)


def _segment(job: Job, folder: Path) -> int:
    names = ("memory", "device", "precision", "proposals", "backend")
    settings: dict[str, Any] = {name: getattr(job, name) for name in names}
    return segment(
        job.source,
        job.masks,
        folder,
        prompts=read_prompts(job.prompts) if job.prompts else (),
        model=job.model,
        loaded=_loaded(job.model, job.weights),
        size=job.size,
        span=parse_span(job.start, job.end),
        save=[kind.strip() for kind in job.save.split(",") if kind.strip()],
        **settings,
    )
