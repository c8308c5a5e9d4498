"""What a frame of 480p costs: parameters, multiply-adds, seconds, peak memory at 1, 3, 10 objects; growth with length.

    python benchmarks/costs.py MODEL... [--out costs.json]

MODEL: a bundled model, a checkpoint, or a preset (with random weights). Each is measured in processes of its own, one
after the other; seconds are medians of the model alone, from an array to labels, in float32; compare them in one run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from length import Run
from longtake.data.synthetic import Actor, render
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.systems.checkpoint import load_checkpoint
from longtake.systems.models import find
from longtake.training.provenance import code_facts
from speed import REFERENCE, matrix_rate, resident, weights

OBJECTS = (1, 3, 10)
WARM, TIMED = 6, 15
EARLY, LATE = 50, 600


def clip(objects: int) -> Any:
    """Frames and ids of 480p with so many objects that move."""
    rng = np.random.default_rng(0)
    actors = tuple(
        Actor(name, 0.08, 5, tuple(map(tuple, rng.integers(0, 255, (2, 3)).tolist())), *places.tolist(), spin=40)
        for name, places in enumerate(rng.uniform(0.15, 0.85, (objects, 2, 2)), start=1)
    )
    return render(actors, WARM + TIMED, 480, 854, seed=1)


def frames(model: str, objects: int) -> dict[str, float]:
    """Seconds, multiply-adds and peak memory of a frame."""
    run, times = runtime("cpu", "float32"), list[float]()
    session = Session(run.ready(load_checkpoint(find(model))[0]), run=run, keep=0)
    pairs = list(clip(objects))
    for image, ids in pairs:
        started = time.perf_counter()
        session.push(image, None if times else ids.astype(np.uint16))
        times.append(time.perf_counter() - started)
    peak = resident("VmHWM") * 2**20
    with FlopCounterMode(display=False) as counter:
        for image, _ in pairs[-5:]:  # every fifth frame may be remembered: five have one
            session.push(image)
    return {
        "seconds": statistics.median(times[WARM:]),
        "multiply_adds": counter.get_total_flops() / 2 / 5,
        "peak_bytes": peak,
    }


def growth(model: str) -> dict[str, Any]:
    """Seconds of a frame and megabytes remembered, early and late in a video of 240p with one object or more."""
    system = load_checkpoint(find(model))[0].to(memory_format=torch.channels_last)
    run, found = Run(system, (240, 432)), {}
    times = list[float]()
    for done in range(2, LATE + 1):
        times.append(run.push())
        if done in (EARLY, LATE):
            found[done] = {"seconds": statistics.median(times[-20:]), "megabytes": run.megabytes}
    return {str(frame): figures for frame, figures in found.items()}


def measure(model: str) -> dict[str, Any]:
    """Everything about a model, each figure in a process of its own."""

    def child(*words: object) -> Any:
        command = [sys.executable, __file__, model, "--child", *map(str, words)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    system, card = load_checkpoint(find(model))
    return {
        "preset": card.preset,
        "parameters": sum(each.numel() for each in system.parameters()),
        "at_480p": {str(objects): child(objects) for objects in OBJECTS},
        "growth": child("growth"),
    }


def main() -> None:
    """Measure every model, print a line for each, and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        figures = growth(given.models[0]) if given.child == "growth" else frames(given.models[0], int(given.child))
        json.dump(figures, sys.stdout)
        return
    rates, found = [matrix_rate(torch.float32)], dict[str, Any]()
    with tempfile.TemporaryDirectory() as name:
        for model in given.models:
            figures = measure(weights(model, Path(name)))
            rates.append(matrix_rate(torch.float32))
            found[figures["preset"]] = figures
            print(figures["preset"], f"{figures['parameters'] / 1e6:.1f} M parameters", flush=True)
            for objects, each in figures["at_480p"].items():
                print(
                    f"  {objects} objects: {each['multiply_adds'] / 1e9:.1f} G multiply-adds, {each['seconds']:.3f} s, "
                    f"peak {each['peak_bytes'] / 1e6:.0f} MB",
                    flush=True,
                )
            early, late = figures["growth"].values()
            print(
                f"  frame {LATE} over frame {EARLY} at 240p: {late['seconds'] / early['seconds']:.2f} of the time, "
                f"{late['megabytes'] / early['megabytes']:.2f} of the memory",
                flush=True,
            )
    rate = statistics.median(rates)
    print(f"float32, {torch.get_num_threads()} threads, {rate:.0f} GFLOP/s")
    if given.out:
        facts = {
            "commit": code_facts().get("commit", "none"),
            "gflops": rate,
            "reference_gflops": REFERENCE[torch.float32],
            "threads": torch.get_num_threads(),
        }
        given.out.write_text(json.dumps({**facts, "models": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
