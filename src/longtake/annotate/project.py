"""A project: a folder with videos, their masks, and all that was done with them."""

import contextlib
import contextvars
import getpass
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longtake.annotate.deliver import deliver
from longtake.annotate.desk import Desk
from longtake.annotate.editors import Editors
from longtake.annotate.jobs import Job, Jobs, Progress, Work
from longtake.annotate.pipeline import Settings
from longtake.annotate.proposals import Proposals, Target
from longtake.annotate.quality import Quality, Row, compare, quality, sample
from longtake.annotate.store import Check, Entry, Facts, Store
from longtake.engine.annotation import Annotation, Change
from longtake.engine.following import Way
from longtake.engine.history import Key
from longtake.errors import SettingError, SourceError
from longtake.types import Masks
from longtake.video.prompts import MaskFolder
from longtake.video.sinks import make_folder
from longtake.video.source import Source
from longtake.video.sources import open_source

BASE, VIDEOS, EXPORTS = "project.sqlite", "videos", "exports"

News = Mapping[str, Any]

QUIET = 0.4
"""Seconds for which what a job changes is gathered before it is told."""


class Project:
    """A folder that is made where it is missing; threads may share it."""

    def __init__(self, folder: Path, editors: Editors, *, annotator: str | None = None) -> None:
        """editors: makes what follows objects, when it is first needed. annotator: None is who is logged in.

        Removes what one that was killed left half written, so only one may be open at a time (`lock.locked`).

        Raises SettingError where the folder is of a later longtake, OutputError where it cannot be written.
        """
        self.folder, self.editors = make_folder(folder).resolve(), editors
        self.store = Store(self.folder / BASE)
        self.annotator = annotator or _login()
        self.told: Callable[[News], None] = lambda news: None
        """Called with what the pages are to hear; any thread."""
        self.jobs = Jobs(lambda job: self.told({"type": "job", **asdict(job)}))
        self._desks, self._lock = dict[int, Desk](), threading.Lock()
        self._opening = dict[int, threading.Lock]()
        self._tab = contextvars.ContextVar[str | None]("tab", default=None)
        self._gathered, self._last = set[Key](), 0.0
        _tidy(self.folder)

    def stop(self) -> None:
        """Ask what runs to stop."""
        self.jobs.stop()

    def close(self) -> None:
        """Stop what runs, wait for it, and let go of the files."""
        self.jobs.stop(wait=True)
        for desk in self._desks.values():
            desk.close()
        self.store.close()

    # --- videos -------------------------------------------------------------------------------------------------------

    def add(self, source: str | Path, masks: Path | None = None, **settings: Any) -> int:
        """A video file or a folder of images; returns its number, also of one that is there already.

        masks: given on its frames, where nothing was given yet. settings: as `Settings` has them. Raises LongtakeError.
        """
        path = self._kept(Path(source))
        found = next((entry for entry in self.store.videos() if entry.path == path and entry.check is None), None)
        if found is not None:
            number = found.video
            if settings:
                self.desk(number).set(**settings)
        else:
            number = self._enter(Path(source), path, Settings(**settings))
        if masks is not None:
            self._give(number, masks)
        return number

    def _enter(self, source: Path, path: str, settings: Settings) -> int:
        opened = open_source(source)
        times, (height, width) = opened.times(), next(iter(opened)).size
        lasts = float(times[-1] + 1 / opened.info.rate)
        facts = Facts(len(times), width, height, float(opened.info.rate), lasts)
        with self._lock:  # so that nobody takes its name, or opens it beside us
            number = self.store.add(self._free(opened.info.name), path, facts, asdict(settings))
            self._desks[number] = self._desk(self.entry(number), opened)
        self.told({"type": "videos"})
        return number

    def _give(self, number: int, masks: Path) -> None:
        desk, given = self.desk(number), MaskFolder(masks)
        before = desk.annotation.given
        for index in range(desk.annotation.count):
            found = given.of(desk.source.name(index), index)
            if found is not None and index not in before:
                desk.annotation.give(index, found)
        given.check_used()

    def _kept(self, path: Path) -> str:
        """How a path is kept: seen from the project, where it lies in it, so that the folder may be moved."""
        path = path.resolve()
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)

    def _free(self, name: str) -> str:
        """A name that no video has."""
        names, number = {entry.name for entry in self.store.videos()}, 1
        while (free := name if number == 1 else f"{name} {number}") in names:
            number += 1
        return free

    def entry(self, number: int) -> Entry:
        """A video by its number. Raises KeyError."""
        return next((entry for entry in self.store.videos() if entry.video == number), None) or _missing(number)

    def problem(self, entry: Entry) -> str | None:
        """What is wrong with the file of a video, in words."""
        path = self.folder / entry.path
        return None if path.exists() else f"{path}: is gone; put it back where it was, its masks are kept"

    def desk(self, number: int) -> Desk:
        """A video, opened. Raises KeyError where there is none, SourceError where its file is gone."""
        if (desk := self._desks.get(number)) is not None:
            return desk
        entry = self.entry(number)
        with self._lock:
            opening = self._opening.setdefault(number, threading.Lock())
        with opening:  # of this video alone, since that may take long
            if (desk := self._desks.get(number)) is None:
                if problem := self.problem(entry):
                    raise SourceError(problem)
                desk = self._desks[number] = self._desk(entry, open_source(self.folder / entry.path))
            return desk

    def _desk(self, entry: Entry, source: Source) -> Desk:
        return Desk(entry, source, self.store, self.folder, lambda keys: self._heard(entry.video, keys))

    def upload(self, name: str) -> Path:
        """An empty file in the project for an uploaded video, under a name that no other upload has."""
        folder = make_folder(self.folder / VIDEOS)
        stem, ending = Path(name).stem, Path(name).suffix
        number = 1
        while True:
            path = folder / f"{stem}{'' if number == 1 else f' {number}'}{ending}"
            try:
                path.touch(exist_ok=False)
                return path
            except FileExistsError:
                number += 1

    # --- what changes is told -----------------------------------------------------------------------------------------

    def by(self, tab: str | None) -> None:
        """Whose page the calls come from in this context, which is a request's own."""
        self._tab.set(tab)

    def _heard(self, number: int, keys: Any) -> None:
        """Tell of changes; of those of a job a few at a time."""
        if not self.jobs.here:
            self._tell(number, set(keys))
            return
        self._gathered.update(keys)
        if time.monotonic() - self._last >= QUIET:
            self._flush(number)

    def _flush(self, number: int) -> None:
        self._last = time.monotonic()
        keys, self._gathered = self._gathered, set[Key]()
        self._tell(number, keys)

    def _tell(self, number: int, keys: set[Key]) -> None:
        frames = sorted({frame for kind, frame in keys if kind in ("layer", "accepted")})
        objects = any(kind in ("object", "removed") for kind, _ in keys)
        if frames or objects:
            desk = self._desks.get(number)
            self.told(
                {
                    "type": "changed",
                    "video": number,
                    "frames": ranges(frames),
                    "objects": objects,
                    "revision": desk.history.revision if desk else 0,
                    "tab": self._tab.get(),
                }
            )

    def check_still(self, number: int) -> None:
        """Raises SettingError where something runs on a video, which would bring back what is taken away."""
        job = self.jobs.now
        if job is not None and job.state == "running" and job.video == number:
            raise SettingError(f"{job.name} is still going on; wait, or stop it first")

    # --- what takes long ----------------------------------------------------------------------------------------------

    def _start(self, number: int, name: str, work: Work) -> Job:
        def told(progress: Progress) -> str | None:
            try:
                return work(progress)
            finally:
                self._flush(number)

        return self.jobs.start(number, name, told)

    def run(self, number: int, step: int) -> Job:
        """Do step 1 or 3 of a video. Raises SettingError where it cannot be done yet, or something else runs."""
        desk = self.desk(number)
        pipeline = desk.pipeline
        state = pipeline.steps()[step - 1]
        if not state.ready:
            raise SettingError(f"step {step} cannot be done yet: {state.why}")

        def work(progress: Progress) -> str:
            progress(0, 0)
            editor = self.editors(desk.source, self.folder, desk.history)
            starts, only = pipeline.starts() if step == 1 else editor.accepted, pipeline.only(step)
            change = editor.through(starts, only=only, report=progress)
            return f"{len(change.frames)} frames have new masks"

        return self._start(number, state.name, work)

    def spread(self, number: int, frame: int, to: Way) -> Job:
        """Follow from a frame as far as the next ones that a person gave. Raises as `run` does."""
        desk = self.desk(number)
        if desk.annotation.labels(frame) is None:
            raise SettingError(f"frame {frame}: no masks yet; draw an object first")
        pipeline = desk.pipeline
        only = pipeline.only(pipeline.present(pipeline.steps()))

        def work(progress: Progress) -> str:
            progress(0, 0)
            editor = self.editors(desk.source, self.folder, desk.history)
            change = editor.spread(frame, to, only=only, report=progress)
            return f"{len(change.frames)} frames have new masks"

        return self._start(number, f"Follow from frame {frame}", work)

    def export(self, form: str, numbers: list[int] | None, only_accepted: bool) -> Job:
        """Write masks for other programs into the project's exports."""
        wanted = [entry.video for entry in self.store.videos() if entry.check is None] if numbers is None else numbers
        desks = [self.desk(number) for number in wanted]
        folder = make_folder(self.folder / EXPORTS)

        def work(progress: Progress) -> str:
            return deliver(desks, form, only_accepted, folder, lambda done, count: progress(done, count or 0)).name

        return self._start(wanted[0] if wanted else 0, "Export", work)

    def take(self, number: int, file: Path) -> Change:
        """Masks of another program as a start. Raises LongtakeError; nothing is changed then."""
        desk = self.desk(number)
        annotation = desk.annotation
        names = [desk.source.name(index) for index in range(annotation.count)]
        path = (self.folder / desk.entry.path).resolve()
        proposals = Proposals(file, Target(desk.entry.name, names, annotation.size, path))
        before = desk.things()
        with self.scratch() as kept:  # read to the end first: a damaged one changes nothing
            scratch = Annotation(desk.source, kept)
            scratch.take((frame, Masks.of(labels)) for frame, labels in proposals)
            found = [frame for frame, _ in scratch.history.items("layer")]
            change = annotation.take((frame, Masks.of(_there(scratch.labels(frame)))) for frame in found)
            scratch.history.close()
        for name, category in proposals.categories.items():
            if name not in before:
                desk.describe(name, {"category": category})
        return change

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for what is gone in the end."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".scratch-") as folder:
            yield Path(folder)

    # --- quality ------------------------------------------------------------------------------------------------------

    def check(self, number: int, count: int, seed: int | None, annotator: str) -> int:
        """A new check of accepted frames, a random sample; returns its number. Raises SettingError."""
        desk = self.desk(number)
        if desk.entry.check is not None:
            raise SettingError(f"{desk.entry.name}: is a check itself; choose the video that it checks")
        checks = [entry for entry in self.store.videos() if entry.check and entry.check.reference == number]
        frames = sample(desk.annotation.accepted, count, len(checks) if seed is None else seed)
        check = Check(number, annotator, tuple(frames))
        name = self._free(f"{desk.entry.name}, check {len(checks) + 1}")
        made = self.store.add(name, desk.entry.path, desk.entry.facts, asdict(desk.settings), check)
        for thing, facts in desk.things().items():
            self.desk(made).history.keep("object", thing, asdict(facts))
        self.told({"type": "videos"})
        return made

    def quality(self, number: int) -> Quality:
        """How well all checks of a video agree with it, by what was accepted in them."""
        reference, rows = self.desk(number), list[Row]()
        for entry in self.store.videos():
            if entry.check is None or entry.check.reference != number:
                continue
            again = self.desk(entry.video).annotation
            for frame in set(entry.check.frames).intersection(again.accepted):
                old, new = reference.annotation.labels(frame), again.labels(frame)
                if old is not None and new is not None:
                    found = compare(old, new, reference.annotation.ids)
                    rows += [Row(entry.check.annotator, entry.video, frame, name, j) for name, j in found.items()]
        return quality(sorted(rows, key=lambda row: (row.check, row.frame, row.object)))

    @property
    def room(self) -> str:
        """What nobody else on this machine knows; the same whenever the project is opened, so that open pages go on."""
        if (room := self.store.fact("room")) is None:
            room = secrets.token_hex(12)
            self.store.set_fact("room", room)
        return str(room)

    def space(self) -> int:
        """Bytes that are free where the project lies."""
        return shutil.disk_usage(self.folder).free


def _tidy(folder: Path) -> None:
    """Remove what was half written when a server was killed."""
    for pattern in (".scratch-*", f"{VIDEOS}/.*.partial", f"{EXPORTS}/.*", "masks/.*"):
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for path in (folder / VIDEOS).glob("*"):
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()


def ranges(frames: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of frames that follow each other."""
    found = list[tuple[int, int]]()
    for frame in frames:
        if found and found[-1][1] == frame - 1:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found


def _there(labels: Any) -> Any:
    assert labels is not None
    return labels


def _missing(number: int) -> Entry:
    raise KeyError(f"video {number}: there is none")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in a container
        return "annotator"
