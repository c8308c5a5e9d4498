"""Frames per second and peak memory, as they are compared: the model's own time, device synchronised."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch

T = TypeVar("T")

HOW = "reading, writing and the first frame of each video left out, device synchronised"


@dataclass
class Stopwatch:
    """Adds up the time of frames; the first of each video, which warms up, is not among them."""

    device: torch.device
    frames: int = 0
    seconds: float = 0.0
    _fresh: bool = field(default=True, repr=False)

    def next_video(self) -> None:
        """The next frame is a first one."""
        self._fresh = True

    def frame(self, work: Callable[[], T]) -> T:
        """Do a frame's work and count its time."""
        self._wait()
        started = time.perf_counter()
        done = work()
        self._wait()
        if not self._fresh:
            self.seconds += time.perf_counter() - started
            self.frames += 1
        self._fresh = False
        return done

    @property
    def rate(self) -> float | None:
        """Frames per second; None before any was counted."""
        return self.frames / self.seconds if self.frames else None

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def peak_memory(device: torch.device) -> tuple[int, str] | None:
    """The most bytes that were used so far, and of what: the device's, or on a processor all of the process.

    None where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device), "allocated on the device"
    try:
        import resource
    except ModuleNotFoundError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "resident, the whole process"
