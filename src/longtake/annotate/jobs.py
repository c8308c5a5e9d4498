"""What takes long, one at a time, in a thread of its own: with its progress, and a way to stop it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from longtake.errors import LongtakeError, SettingError

log = logging.getLogger("longtake")

EVERY = 0.25
"""Seconds from one piece of news to the next."""

State = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class Job:
    """How far it is; total: 0 where that is not known yet."""

    job: int
    video: int
    name: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    state: State = "running"
    message: str | None = None


class Stopped(Exception):  # noqa: N818
    """Raised in the job's thread once it is to stop."""


Progress = Callable[[int, int], None]
"""Called with what is done, and how much there is, 0 where that is not known; raises `Stopped`."""

Work = Callable[[Progress], str | None]
"""Returns what there is to say at the end."""


class Jobs:
    """Runs one job at a time. Every method may be called from any thread."""

    def __init__(self, told: Callable[[Job], None]) -> None:
        """told: called with the state of a job whenever there is news."""
        self.told = told
        self._now: Job | None = None
        self._thread: threading.Thread | None = None
        self._lock, self._stop = threading.RLock(), threading.Event()

    @property
    def now(self) -> Job | None:
        """The last one that was begun; None before the first."""
        return self._now

    @property
    def runs(self) -> bool:
        """Whether one is running."""
        return self._now is not None and self._now.state == "running"

    @property
    def here(self) -> bool:
        """Whether this is the thread of the job."""
        return threading.current_thread() is self._thread

    def start(self, video: int, name: str, work: Work) -> Job:
        """Begin. Raises SettingError where another one is running."""
        with self._lock:
            if self._now is not None and self._now.state == "running":
                raise SettingError(f"{self._now.name} is still going on; wait, or stop it first")
            self._stop.clear()
            job = self._now = Job(self._now.job + 1 if self._now else 1, video, name)
            self._thread = threading.Thread(target=self._run, args=(work,), name=name)
            self._thread.start()
        self.told(job)
        return job

    def stop(self, wait: bool = False) -> None:
        """Ask the running one to stop, which it does after the frame that it is at."""
        self._stop.set()
        if wait and self._thread is not None and not self.here:
            self._thread.join()

    def _run(self, work: Work) -> None:
        began = last = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal last
            if self._stop.is_set():
                raise Stopped
            now = time.monotonic()
            left = (now - began) / done * (total - done) if done and total else None
            tell = now - last >= EVERY
            last = now if tell else last
            self._set(tell, done=done, total=total, seconds_left=left)

        try:
            said = work(progress)
            self._set(state="done", seconds_left=0.0, message=said)
        except Stopped:
            self._set(state="stopped", message="stopped; what was done by then is kept")
        except LongtakeError as error:
            self._set(state="failed", message=" ".join(str(error).split()))
        except Exception as error:
            log.exception("%s failed", self._thread.name if self._thread else "a job")
            self._set(state="failed", message=f"a flaw in longtake ({error!r}); what was done by then is kept")

    def _set(self, tell: bool = True, **facts: object) -> None:
        with self._lock:
            assert self._now is not None
            job = self._now = replace(self._now, **facts)  # type: ignore[arg-type]
        if tell:
            self.told(job)
