"""DMN-AOA's modules, as in the paper's table 4, and its proposals without a detector: their share of a 480p frame.

    python benchmarks/modules.py [--frames 15] [--model dmn-aoa-mobilenet-v2 ...] [--objects 1] [--precision float32]

Random weights. BFE: base features, with what of the refinement depends on the frame alone left out; OPG: moving and
scaling each object's last mask (a detector's time is its own); OTG: the object template generator, its crops and what
is remembered of them among it; AM: the aligned matcher; MRN: the mask refinement network; rest: merging, labels. Calls
are timed within the frames that they belong to; medians over all frames but the first five, beside the machine's
matrix-multiply rate.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.systems.dmn_aoa import coarse
from longtake.systems.dmn_aoa.model import DMNAOA
from longtake.systems.zoo import ZOO
from speed import REFERENCE, matrix_rate

PAPER = {"BFE": 0.009, "OPG": 0.020, "OTG": 0.015, "AM": 0.044, "MRN": 0.066}
"""Seconds per frame of the paper's table 4: ResNet-50, all objects of a DAVIS 2017 video, on a V100."""

WARM_UP = 5
"""Frames that are not counted."""


class Clocks:
    """Adds up the seconds that calls of some functions take, each without those of others that it calls."""

    def __init__(self) -> None:
        self.total, self.running = Counter[str](), list[str]()
        self.since = 0.0

    def watch(self, owner: object, method: str, name: str, *, crops: bool = False) -> None:
        """Time what `owner.method` does, as `name`; crops: as whatever calls it, if that is watched too."""
        setattr(owner, method, self._timed(getattr(owner, method), name, crops))

    def _timed(self, call: Callable[..., object], name: str, crops: bool) -> Callable[..., object]:
        def timed(*inputs: object, **named: object) -> object:
            self._turn(self.running[-1] if crops and self.running else name)
            try:
                return call(*inputs, **named)
            finally:
                self._turn(None)

        return timed

    def _turn(self, name: str | None) -> None:
        """Charge what has passed to whatever was running; go on with `name`, or with what called it."""
        now = time.perf_counter()
        if self.running:
            self.total[self.running[-1]] += now - self.since
        self.running = [*self.running, name] if name else self.running[:-1]
        self.since = now


def watched(system: DMNAOA) -> Clocks:
    """Clocks on the five modules of a system."""
    clocks = Clocks()
    assert isinstance(system.coarse, coarse.Matched)
    assert system.dynamic is not None
    assert system.refinement is not None
    clocks.watch(system.backbone, "features", "BFE")
    clocks.watch(system.backbone, "stem", "BFE")
    clocks.watch(system.base, "forward", "BFE")
    clocks.watch(coarse, "moved_boxes", "OPG")
    clocks.watch(coarse, "moved_masks", "OPG")
    clocks.watch(system.dynamic, "ask", "OTG")
    clocks.watch(system.dynamic, "read", "OTG")
    clocks.watch(system, "_entries", "OTG")
    clocks.watch(system.objects, "forward", "OTG", crops=True)
    clocks.watch(system.coarse, "forward", "AM")
    clocks.watch(system.coarse, "found", "AM")
    for part in ("of_frame", "forward"):
        clocks.watch(system.refinement, part, "MRN")
    clocks.watch(system, "_refined", "MRN")
    for projector in (system.as_template, system.as_source):
        clocks.watch(projector, "forward", "MRN")
    return clocks


def measure(model: str, objects: int, frames: int, precision: str) -> tuple[float, dict[str, float], float]:
    """Median seconds of a frame and of each module in it, and bytes remembered per object and memory frame."""
    run = runtime("cpu", precision)
    system = run.ready(ZOO[model].build())
    assert isinstance(system, DMNAOA)
    clocks, rng = watched(system), np.random.default_rng(0)
    labels = np.zeros((480, 854), np.uint16)
    for i in range(objects):
        labels[100:300, 30 + 820 * i // objects : 820 * (i + 1) // objects] = i + 1
    session, whole, parts = Session(system, run=run, keep=0), list[float](), list[Counter[str]]()
    for t in range(frames):
        image = rng.integers(0, 255, (480, 854, 3), np.uint8)
        clocks.total, started = Counter(), time.perf_counter()
        session.push(image, labels if t == 0 else None)
        whole.append(time.perf_counter() - started)
        parts.append(clocks.total)
    medians = {name: statistics.median(part[name] for part in parts[WARM_UP:]) for name in PAPER}
    held = system.held(session.moment().state.cohorts[0].memory)
    return statistics.median(whole[WARM_UP:]), medians, held[0].bytes / objects


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=15)
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--model", nargs="+", default=["dmn-aoa-mobilenet-v2", "dmn-aoa-resnet50"])
    given = parser.parse_args()
    if given.frames <= WARM_UP:
        parser.error(f"--frames {given.frames}: the first {WARM_UP} are not counted; give more")
    dtype = getattr(torch, given.precision)
    for model in given.model:
        before = matrix_rate(dtype)
        whole, parts, held = measure(model, given.objects, given.frames, given.precision)
        rate, wanted = (before + matrix_rate(dtype)) / 2, REFERENCE[dtype]
        print(
            f"{model}, {given.objects} objects, {given.precision}: {whole:.3f} s per frame at {rate:.0f} GFLOP/s "
            f"({whole * rate / wanted:.3f} s at {wanted:.0f}); {held / 1000:.0f} kB per object and memory frame"
        )
        for name, seconds in [*parts.items(), ("rest", whole - sum(parts.values()))]:
            told = f"{100 * PAPER[name] / sum(PAPER.values()):4.0f} %" if name in PAPER else ""
            print(f"  {name:5} {1000 * seconds:7.1f} ms {100 * seconds / whole:5.1f} %  paper {told}", flush=True)


if __name__ == "__main__":
    main()
