"""What longtake takes, as docs/performance.md tells it: each section is measured on its own, in processes of its own.

    python benchmarks/performance.py [SECTION ...]   systems sharing bundled growth budget pipeline; all without names

Figures are kept in docs/performance.json; docs/performance.md is written from it. Seconds are medians, scaled to a
machine whose 2048x2048 matrix product runs at 170 GFLOP/s in float32 and 355 in bfloat16; ratios are of one run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from costs import clip, frames
from length import frames as endless
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.memory.policy import parse_policy
from longtake.memory.tree import size_in_bytes
from longtake.systems.checkpoint import load_checkpoint
from longtake.systems.models import find
from longtake.systems.zoo import ZOO
from longtake.types import VideoInfo
from longtake.video.sinks import VideoSink
from longtake.video.sources import open_source
from speed import REFERENCE, alone, matrix_rate, render, resident, seconds_per_frame, weights

FOUND, PAGE = Path("docs/performance.json"), Path("docs/performance.md")
COMPACT = [name for name in ZOO if name.endswith("mobilenet-v2")]
OBJECTS = (1, 3, 10)
SHORT, LONG = 1000, 20_000
BUDGETED = {"stm-mobilenet-v2": 300, "stm-resnet50": 100, "dmn-aoa-mobilenet-v2": 150}
"""Models whose memory grows, and after how many frames it has more than filled 200 MB."""
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def seconds(model: str, objects: int, precision: str, policy: str | None = None, timed: int = 10) -> float:
    """Median seconds of a 480p frame of the model alone, once its memory is full."""
    run, times = runtime("cpu", precision), list[float]()
    system = run.ready(load_checkpoint(find(model))[0])
    session = Session(system, rules=rules_for(system, policy and parse_policy(policy)), run=run, keep=0)
    for image, ids in list(clip(objects))[: timed + 6]:
        started = time.perf_counter()
        session.push(image, None if times else ids.astype(np.uint16))
        times.append(time.perf_counter() - started)
    return statistics.median(times[6:])


def shares(model: str, objects: int) -> dict[str, float]:
    """Of a frame's time, what its steps take: encode, segment, memorize; the rest is merging, resizing and labels."""
    run, spent, whole = runtime("cpu", "float32"), dict[str, float](), 0.0
    system = run.ready(load_checkpoint(find(model))[0])

    def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*inputs: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*inputs)
            finally:
                spent[name] = spent.get(name, 0.0) + time.perf_counter() - started

        return watched

    for name in ("encode", "segment", "memorize"):
        setattr(system, name, timed(name, getattr(system, name)))
    session = Session(system, run=run, keep=0)
    for k, (image, ids) in enumerate(clip(objects)):
        if k == 6:
            spent.clear()
        started = time.perf_counter()
        session.push(image, None if k else ids.astype(np.uint16))
        whole += (time.perf_counter() - started) * (k >= 6)
    return {name: part / whole for name, part in spent.items()}


def systems(folder: Path) -> Any:
    """Every compact system and the published STM, with random weights but for the bundled model."""
    found = {}
    for name in [*COMPACT, "stm-resnet50"]:
        model, several = weights(name, folder), OBJECTS if name in COMPACT else OBJECTS[:2]
        rates = [matrix_rate(torch.float32)]
        each = {str(n): child("frames", model, n) for n in several}
        parts = {str(n): child("shares", model, n) for n in several[::2]}
        rates.append(matrix_rate(torch.float32))
        found[name] = {"objects": each, "shares": parts, "gflops": sum(rates) / 2}
    return found


def sharing(folder: Path) -> Any:
    """The published STM with three objects against one at a time; half precision against float32."""
    model = weights("stm-resnet50", folder)
    found: dict[str, Any] = {"gflops": {name: matrix_rate(dtype) for name, dtype in PRECISIONS.items()}}
    for precision in PRECISIONS:
        found[precision] = {str(n): child("seconds", model, n, precision, "newest:5") for n in (1, 3)}
    return found


def bundled(folder: Path) -> Any:
    """The bundled model, all in: decoding and writing of PNGs at 480p, one and ten objects."""
    found: dict[str, Any] = {"gflops": {name: matrix_rate(dtype) for name, dtype in PRECISIONS.items()}}
    for objects in (1, 10):
        video, mask = film(folder, objects, 480, 854, 30)
        for precision in PRECISIONS:
            spent = seconds_per_frame(video, mask, folder / "out", precision=precision, save=())
            found.setdefault(precision, {})[str(objects)] = spent
    return found


def growth(folder: Path) -> Any:
    """Peak resident memory at 1,000 and 20,000 frames of 128x224, every system by its own policy."""
    return {name: child("peaks", weights(name, folder)) for name in COMPACT}


def budget(folder: Path) -> Any:
    """`--memory budget:200MB`: what its tensors take, and how peak memory grows after the first frame."""
    return {name: child("budgeted", weights(name, folder), count) for name, count in BUDGETED.items()}


def pipeline(folder: Path) -> Any:
    """A file of 720p: all in against the network alone; decoding and encoding alone."""
    video, mask = render(folder, 60, 720, 1280, 1)
    found = {
        "all_in": seconds_per_frame(video, mask, folder / "out", save=()),
        "alone": alone(video, mask, "default", "auto"),
    }
    found["with_overlay"] = seconds_per_frame(video, mask, folder / "out")
    found["alone_again"] = alone(video, mask, "default", "auto")
    started = time.perf_counter()
    images = [frame.image for frame in open_source(video)]
    found["decode"] = (time.perf_counter() - started) / len(images)
    started = time.perf_counter()
    with VideoSink(folder / "again.mp4", VideoInfo("again", len(images), Fraction(24), Fraction(1, 24))) as sink:
        for k, image in enumerate(images):
            sink.add(image, Fraction(k, 24))
    found["encode"] = (time.perf_counter() - started) / len(images)
    return found


def film(folder: Path, objects: int, height: int, width: int, count: int) -> tuple[Path, Path]:
    """A file with so many moving objects, and the mask of its first frame."""
    from longtake.video.palette import write_labels

    pairs = list(clip(objects))
    path, mask = folder / f"{objects}.mp4", folder / f"{objects}.png"
    with VideoSink(path, VideoInfo(path.stem, count, Fraction(24), Fraction(1, 24))) as video:
        for k in range(count):
            there = k % (2 * len(pairs) - 2)
            video.add(pairs[min(there, 2 * len(pairs) - 2 - there)][0], Fraction(k, 24))
    write_labels(mask, pairs[0][1].astype(np.uint16))
    return path, mask


def peaks(model: str) -> dict[str, float]:
    """Megabytes at most after so many frames."""
    run, found = runtime("cpu", "auto"), dict[str, float]()
    session = Session(run.ready(load_checkpoint(find(model))[0]), run=run, keep=0)
    for k, (image, ids) in enumerate(endless(128, 224)):
        session.push(image, None if k else ids.astype(np.uint16))
        if k + 1 in (SHORT, LONG):
            found[str(k + 1)] = resident("VmHWM")
        if k + 1 == LONG:
            return found
    raise AssertionError("the clip has no end")


def budgeted(model: str, count: int) -> dict[str, float]:
    """Megabytes of the state's tensors at most, and by what the process's peak grew after the first frame's."""
    run, limit = runtime("cpu", "float32"), parse_policy("budget:200MB")
    system = run.ready(load_checkpoint(find(model))[0])
    session, held, first = Session(system, rules=rules_for(system, limit), run=run, keep=0), 0.0, 0.0
    pairs = list(clip(3))
    for k in range(count):
        there = k % (2 * len(pairs) - 2)
        image, ids = pairs[min(there, 2 * len(pairs) - 2 - there)]
        session.push(image, None if k else ids.astype(np.uint16))
        state = session.moment().state
        assert state.previous is not None
        held = max(held, (state.previous.nbytes + sum(size_in_bytes(each.memory) for each in state.cohorts)) / 1e6)
        if k == 0:
            Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of loading
        if k == 1:
            first = resident("VmHWM")
    return {"state": held, "grown": (resident("VmHWM") - first) * 2**20 / 1e6}


CHILDREN: dict[str, Callable[..., Any]] = {
    "frames": lambda model, n: frames(model, int(n)),
    "shares": lambda model, n: shares(model, int(n)),
    "seconds": lambda model, n, precision, policy: seconds(model, int(n), precision, policy),
    "peaks": peaks,
    "budgeted": lambda model, count: budgeted(model, int(count)),
}
SECTIONS = {each.__name__: each for each in (systems, sharing, bundled, growth, budget, pipeline)}


def child(name: str, *words: object) -> Any:
    """What a function of CHILDREN gives in a process of its own."""
    command = [sys.executable, __file__, "--child", name, *map(str, words)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [head, ["---"] * len(head), *rows])


def page(found: dict[str, Any]) -> str:
    """docs/performance.md, of those sections that were measured."""
    how = __doc__.split("\n\n")[2].strip()
    end = "Two cores; written by `python benchmarks/performance.py`. No GPU was at hand: none is measured."
    parts = [f"# Performance\n\n{how}\n\n{end}"]
    for name in filter(found.get, SECTIONS):
        parts.append(f"## {name.capitalize()}\n\n{SECTIONS[name].__doc__}\n\n{TABLES[name](found[name])}")
    return "\n\n".join(parts) + "\n"


def _systems_table(found: Any) -> str:
    rows, steps = [], []
    for name, each in found.items():
        scale = each["gflops"] / REFERENCE[torch.float32]
        for n, of in each["objects"].items():
            reached = 2 * of["multiply_adds"] / of["seconds"] / 1e9 / each["gflops"]
            rows.append(
                [
                    name,
                    n,
                    f"{of['seconds'] * scale:.2f}",
                    f"{of['multiply_adds'] / 1e9:.0f} G",
                    f"{reached:.0%}",
                    f"{of['peak_bytes'] / 1e6:.0f} MB",
                ]
            )
        for n, of in each["shares"].items():
            left = 1 - sum(of.values())
            steps.append(
                [name, n, *(f"{of.get(step, 0):.0%}" for step in ("encode", "segment", "memorize")), f"{left:.0%}"]
            )
    first = table(
        ["model", "objects", "seconds per frame, 480p, float32", "multiply-adds", "of the matrix rate", "peak memory"],
        rows,
    )
    return f"{first}\n\n{table(['model', 'objects', 'encode', 'segment', 'memorize', 'rest'], steps)}"


def _sharing_table(found: Any) -> str:
    one, three, half = found["float32"]["1"], found["float32"]["3"], found["bfloat16"]
    return table(
        ["ratio", "measured", "aim"],
        [
            ["three objects, of three times one (float32)", f"{three / (3 * one):.2f}", "0.70"],
            ["bfloat16 of float32, three objects", f"{half['3'] / three:.2f}", "0.60"],
            ["both together", f"{half['3'] / (3 * one):.2f}", "0.45"],
        ],
    )


def _bundled_table(found: Any) -> str:
    rows = []
    for precision, dtype in PRECISIONS.items():
        one, ten = found[precision]["1"], found[precision]["10"]
        rows.append([precision, f"{one * found['gflops'][precision] / REFERENCE[dtype]:.2f}", f"{ten / one:.2f}"])
    return table(["precision", "seconds per frame, one object", "ten objects over one"], rows)


def _growth_table(found: Any) -> str:
    head = ["model", f"at {SHORT:,} frames", f"at {LONG:,}", "ratio"]
    rows = [
        [name, *(f"{each[k]:.0f} MB" for k in each), f"{each[str(LONG)] / each[str(SHORT)]:.3f}"]
        for name, each in found.items()
    ]
    return table(head, rows)


def _budget_table(found: Any) -> str:
    rows = [[name, f"{each['state']:.0f} MB", f"{each['grown']:.0f} MB"] for name, each in found.items()]
    return table(["model, three objects at 480p", "tensors of the state", "peak memory grew by"], rows)


def _pipeline_table(found: Any) -> str:
    network = (found["alone"] + found["alone_again"]) / 2
    rows = [["network alone", f"{network:.3f}", "1"]]
    names = {
        "all_in": "decoding and PNGs with it",
        "with_overlay": "overlay.mp4 as well",
        "decode": "decoding alone",
        "encode": "encoding alone",
    }
    rows += [[words, f"{found[key]:.3f}", f"{found[key] / network:.2f}"] for key, words in names.items()]
    return table(["720p", "seconds per frame", "of the network"], rows)


TABLES: dict[str, Callable[[Any], str]] = {name: globals()[f"_{name}_table"] for name in SECTIONS}


def main() -> None:
    """Measure the sections that are named, keep what was found, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS])
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child[0]](*given.child[1:])))
        return
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    for name in given.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = SECTIONS[name](Path(folder))
        FOUND.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))
        print(f"## {name}\n\n{TABLES[name](found[name])}\n", flush=True)


if __name__ == "__main__":
    main()
