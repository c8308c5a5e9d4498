"""Memory and time of a late frame against those of an early one: a system whose memory is bounded shows no difference.

    python benchmarks/length.py [--model ddmemory-mobilenet-v2] [--late 5000] [--early 50] [--size 128 224]

One session runs to the late frame, another to the early one; then 50 frames of each are timed, by turns. Memory is what
the process holds after each, and what the session's own state holds.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import cv2
import numpy as np
import torch

from longtake.cli.progress import progress
from longtake.data.synthetic import demo_clip
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.memory.tree import size_in_bytes
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO
from speed import matrix_rate, resident

TIMED = 50


def frames(height: int, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The demo's clip to and fro, without end, with its ids."""
    clip = [
        (cv2.resize(image, (width, height)), cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST))
        for image, ids in demo_clip(frames=60)
    ]
    while True:
        yield from clip
        yield from reversed(clip)


class Run:
    """A session that has come to some frame, and where its frames come from."""

    def __init__(self, system: AnySystem, size: tuple[int, int]) -> None:
        self.session = Session(system, short_side=None, run=runtime("cpu", "float32"), keep=0)
        self.source = frames(*size)
        self.push(first=True)

    def push(self, first: bool = False) -> float:
        """Seconds of one more frame."""
        image, ids = next(self.source)
        started = time.perf_counter()
        self.session.push(image, ids.astype(np.uint16) if first else None)
        return time.perf_counter() - started

    @property
    def megabytes(self) -> float:
        """What the session remembers."""
        return sum(size_in_bytes(cohort.memory) for cohort in self.session.moment().state.cohorts) / 2**20


def main() -> None:
    """Run both sessions, then time them by turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ddmemory-mobilenet-v2", choices=sorted(ZOO))
    parser.add_argument("--late", type=int, default=5000)
    parser.add_argument("--early", type=int, default=50)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 224))
    given = parser.parse_args()
    system = ZOO[given.model].build().eval().to(memory_format=torch.channels_last)
    late, held = Run(system, tuple(given.size)), {}
    with progress("frames", lines=60) as update:
        for done in range(1, given.late):
            late.push()
            update(done, given.late, "")
            if done + 1 in (given.early, given.late):
                held[done + 1] = (resident(), late.megabytes)
    early = Run(system, tuple(given.size))
    for _ in range(given.early - 1):
        early.push()
    pairs = [(early.push(), late.push()) for _ in range(TIMED)]
    first, last = (statistics.median(times) for times in zip(*pairs, strict=True))
    for frame, (process, own) in held.items():
        print(f"frame {frame}: the process holds {process:.1f} MB, the session's state {own:.3f} MB")
    (process, own), (process_late, own_late) = held[given.early], held[given.late]
    print(f"memory at frame {given.late} over frame {given.early}: {process_late / process:.4f}, {own_late / own:.4f}")
    rate = matrix_rate(torch.float32)
    print(f"medians of {TIMED} frames: {first:.4f} s and {last:.4f} s, ratio {last / first:.3f}, at {rate:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
