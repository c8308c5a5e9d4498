"""Ctrl-C (and SIGTERM, which schedulers send) as a question, so that a step is never cut in two."""

import signal
import threading
import time
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)

IMPATIENT = 2.0
"""Seconds after which a second signal is not asked but done; launchers pass the same one on several times at once."""


class Interrupt:
    """Whether a stop was asked for since it was entered."""

    def __enter__(self) -> "Interrupt":
        self.asked: signal.Signals | None = None
        self.since = 0.0
        self.before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked is None:
            self.asked, self.since = signal.Signals(number), now
        elif now - self.since > IMPATIENT:
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def ignore_signals(worker: int) -> None:
    """For processes that read data: signals reach them too, but they end with the one that trains, not before it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
