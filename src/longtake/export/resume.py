"""Going on with a run that was stopped: the session after a frame whose results are all written, beside them."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtake.engine.runtime import Runtime
from longtake.engine.saved import read_facts
from longtake.engine.session import Moment, Session
from longtake.errors import SettingError
from longtake.systems.protocol import AnySystem
from longtake.types import Frame, Prediction, Proposer
from longtake.video.sinks import Sink

log = logging.getLogger("longtake")

NAME = ".resume.safetensors"
FACTS = "facts"

SHARE = 50
"""Saving may take this part of the time at most: one in so many."""


class Checkpoint(Sink):
    """The last of a run's sinks: what comes before it in their order is written when it saves.

    facts: what must be the same for a run to be gone on with. every: seconds between two saves, at least.
    """

    def __init__(self, out: Path, facts: Mapping[str, Any], every: float) -> None:
        self.path, self.facts, self.every = out / NAME, json.loads(json.dumps(facts)), every
        self._last = time.monotonic()
        self._next: tuple[int, Session, Moment] | None = None

    def begin(self, resume: bool) -> int | None:
        """How many frames an earlier run has written, if to its end; None where something is left to do.

        Without `resume` what it saved goes. Raises SettingError where it was of other settings, or cannot be read.
        """
        if not resume:
            self.drop()
            return None
        if self.path.exists():
            self._check(json.loads(read_facts(self.path).get(FACTS, "{}")))
            return None
        try:
            record = json.loads((self.path.parent / "run.json").read_text(encoding="utf-8"))
            if record["stopped"] is not None:
                return None
            count = int(record["frames"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._check(record)
        log.info("%s: all %d frames are done", self.path.parent, count)
        return count

    def _check(self, earlier: Mapping[str, Any]) -> None:
        if others := [name for name in self.facts if earlier.get(name) != self.facts[name]]:
            raise SettingError(
                f"--resume: {self.path.parent} was begun with another {others[0]}; leave --resume out to start anew"
            )

    def open(self, system: AnySystem, run: Runtime, proposer: Proposer | None) -> Session | None:
        """The session as it stood, to go on with; None where nothing was saved. Raises SettingError as it loads."""
        return Session.load(self.path, system, run=run, keep=0, proposer=proposer) if self.path.exists() else None

    def offer(self, session: Session, frame: Frame) -> None:
        """The session right after this frame was pushed; it is saved when the frame is written, where it is time."""
        if self._next is None and time.monotonic() - self._last >= self.every:
            self._next = frame.index, session, session.moment()

    def write(self, prediction: Prediction) -> None:
        """All else of this frame is written."""
        if self._next is None or self._next[0] != prediction.frame.index:
            return
        _, session, moment = self._next
        began = time.monotonic()
        session.save(self.path, moment, {FACTS: json.dumps(self.facts)})
        self._last = time.monotonic()
        self.every = max(self.every, SHARE * (self._last - began))
        self._next = None

    def drop(self) -> None:
        """There is nothing left to go on with."""
        self.path.unlink(missing_ok=True)


def fingerprint(*paths: Path) -> str:
    """Of files, and of what lies in folders: names, sizes, and when they were last changed."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path, *sorted(path.iterdir())] if path.is_dir() else [path]:
            facts = file.stat()
            size = 0 if file.is_dir() else facts.st_size
            digest.update(
                f"{file.name} {size} {0 if file.is_dir() else facts.st_mtime_ns}\n".encode(errors="surrogateescape")
            )
    return digest.hexdigest()[:16]
