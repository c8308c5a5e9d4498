"""The share of DTMNet's graph in a frame of 480p: edges, links and filter, their projections included.

    python benchmarks/graph.py [--frames 20] [--model dtmnet-mobilenet-v2 ...]

One object, random weights, float32. The graph's calls are timed within the frames that they belong to, so the share is
of the same run; medians over all frames but the first five, beside the machine's matrix-multiply rate.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.systems.dtmnet.model import DTMNet
from longtake.systems.zoo import ZOO
from speed import REFERENCE, matrix_rate

CALLS = ("seen", "linked", "graph", "filtered", "carried")
"""What of `ShortTerm` a frame runs."""

WARM_UP = 5
"""Frames that are not counted."""


class Clock:
    """Adds up the seconds that calls of some methods take."""

    def __init__(self, owner: object, methods: tuple[str, ...]) -> None:
        self.total = 0.0
        for method in methods:
            setattr(owner, method, self._timed(getattr(owner, method)))

    def _timed(self, call: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def timed(*inputs: object, **named: object) -> Tensor:
            started = time.perf_counter()
            found = call(*inputs, **named)
            self.total += time.perf_counter() - started
            return found

        return timed


def measure(model: str, frames: int) -> tuple[float, float]:
    """Median seconds of a frame and of the graph within it."""
    run = runtime("cpu", "float32")
    system = run.ready(ZOO[model].build())
    assert isinstance(system, DTMNet)
    assert system.short_term is not None
    clock, rng = Clock(system.short_term, CALLS), np.random.default_rng(0)
    labels = np.zeros((480, 854), np.uint16)
    labels[100:300, 200:500] = 1
    session, whole, graph = Session(system, run=run, keep=0), list[float](), list[float]()
    for t in range(frames):
        image = rng.integers(0, 255, (480, 854, 3), np.uint8)
        clock.total, started = 0.0, time.perf_counter()
        session.push(image, labels if t == 0 else None)
        whole.append(time.perf_counter() - started)
        graph.append(clock.total)
    return statistics.median(whole[WARM_UP:]), statistics.median(graph[WARM_UP:])


def main() -> None:
    """Print the share for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--model", nargs="+", default=["dtmnet-mobilenet-v2", "dtmnet-resnet101"])
    given = parser.parse_args()
    if given.frames <= WARM_UP:
        parser.error(f"--frames {given.frames}: the first {WARM_UP} are not counted; give more")
    for model in given.model:
        before = matrix_rate(torch.float32)
        whole, graph = measure(model, given.frames)
        rate, wanted = (before + matrix_rate(torch.float32)) / 2, REFERENCE[torch.float32]
        print(
            f"{model}: {whole:.3f} s per frame, {1000 * graph:.1f} ms the graph: {100 * graph / whole:.1f} %; at "
            f"{rate:.0f} GFLOP/s (a frame at {wanted:.0f}: {whole * rate / wanted:.3f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
