"""Seconds per frame of `segment`, all in, beside the machine's matrix-multiply rate; and its peak memory by length.

    python benchmarks/speed.py                 the demo's clip, enlarged to 480p, one and three objects
    python benchmarks/speed.py --memory        peak resident memory at 100 and at 1,000 frames, --size 240
    python benchmarks/speed.py --model ddmemory-mobilenet-v2     a preset (with random weights), or a checkpoint

Ratios within one run are what to compare: seconds differ between machines, and on a shared one between runs.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from longtake.data.synthetic import demo_clip
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.export.segment import segment
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.models import bundled, load
from longtake.systems.zoo import ZOO
from longtake.types import VideoInfo
from longtake.video.masks import read_masks
from longtake.video.palette import write_labels
from longtake.video.sinks import VideoSink
from longtake.video.sources import open_source

REFERENCE = {torch.float32: 170.0, torch.bfloat16: 355.0}
"""GFLOP/s of a 2048x2048 matrix product on the machine that bars in seconds are meant for."""


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of a 2048x2048 matrix product, the median of twenty, as frames are timed."""
    a = torch.randn(2048, 2048).to(dtype)
    a @ a
    times = []
    for _ in range(20):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / statistics.median(times) / 1e9


def render(folder: Path, frames: int, height: int, width: int, objects: int) -> tuple[Path, Path]:
    """The demo's clip at another size and length (it is played to and fro), and the mask of its first frame."""
    clip = list(demo_clip(frames=min(frames, 60)))
    path, mask = folder / f"{height}-{frames}.mp4", folder / f"{height}-{objects}.png"
    with VideoSink(path, VideoInfo(path.stem, frames, Fraction(24), Fraction(1, 24))) as video:
        for index in range(frames):
            there = index % (2 * len(clip))
            image = clip[there if there < len(clip) else 2 * len(clip) - 1 - there][0]
            video.add(cv2.resize(image, (width, height)), Fraction(index, 24))
    ids = cv2.resize(clip[0][1], (width, height), interpolation=cv2.INTER_NEAREST)
    write_labels(mask, np.where(ids <= objects, ids, 0).astype(np.uint16))
    return path, mask


def resident(which: str = "VmRSS") -> float:
    """Megabytes that the process holds in memory now, or has held at most (VmHWM); Linux.

    Not getrusage, whose peak a process inherits from the one that started it.
    """
    gc.collect()
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[which].split()[0]) / 1024


def seconds_per_frame(video: Path, mask: Path, out: Path, **options: object) -> float:
    """Median over all frames but the first five, decoding and writing included; the machine may stall."""
    marks: list[float] = []
    segment(video, mask, out, report=lambda done, count: marks.append(time.perf_counter()), **options)
    return statistics.median(after - before for before, after in pairwise(marks[4:]))


def alone(video: Path, mask: Path, model: str, precision: str, frames: int = 60) -> float:
    """Median seconds of the model alone, from an array to labels, with nothing beside it."""
    run, first = runtime("cpu", precision), read_masks(mask)
    session = Session(run.ready(load(model)[0]), run=run, keep=0)
    times: list[float] = []
    for frame in islice(open_source(video), frames):
        started = time.perf_counter()
        session.push(frame, None if times else first)
        times.append(time.perf_counter() - started)
    return statistics.median(times[5:])


def speed(model: str) -> None:
    """Print seconds per frame at 480p for one and three objects, and scaled to the reference machine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = weights(model, folder)
        for objects in (1, 3):
            video, mask = render(folder, 60, 480, 854, objects)
            for dtype, precision in ((torch.bfloat16, "bfloat16"), (torch.float32, "float32")):
                first = matrix_rate(dtype)
                seconds = seconds_per_frame(video, mask, folder / "out", model=model, precision=precision)
                bare = alone(video, mask, model, precision)
                rate = (first + matrix_rate(dtype)) / 2
                wanted = REFERENCE[dtype]
                scaled = [f"{each * rate / wanted:.3f} s" for each in (seconds, bare)]
                print(
                    f"480p, {objects} objects, {precision}: {seconds:.3f} s per frame, {bare:.3f} s the model alone, "
                    f"at {rate:.0f} GFLOP/s; at {wanted:.0f}: {scaled[0]}, {scaled[1]}",
                    flush=True,
                )


def peak(video: Path, mask: Path, model: str) -> float:
    """Peak resident memory in MB of segmenting a video in a process of its own."""
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, __file__, "--child", str(video), str(mask), out, "--model", model]
        shown = subprocess.run(words, check=True, capture_output=True, text=True, env=os.environ)
    return float(shown.stdout)


def memory(model: str) -> None:
    """Print peak memory at two lengths and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        peaks, model = [], weights(model, Path(name))
        for frames in (100, 1000):
            video, mask = render(Path(name), frames, 240, 426, 1)
            peaks.append(peak(video, mask, model))
            print(f"{frames} frames at 240p: {peaks[-1]:.0f} MB", flush=True)
    print(f"ratio {peaks[1] / peaks[0]:.4f}")


def weights(model: str, folder: Path) -> str:
    """A checkpoint of random weights for a preset that comes without any."""
    if model not in ZOO or model in bundled():
        return model
    path = folder / f"{model}.safetensors"
    save_checkpoint(path, ZOO[model].build().state_dict(), Card(model))
    return str(path)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--model", default="default")
    parser.add_argument("--child", nargs=3, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        video, mask, out = given.child
        segment(video, mask, out, model=given.model, size=240)
        print(resident("VmHWM"))
    elif given.memory:
        memory(given.model)
    else:
        speed(given.model)


if __name__ == "__main__":
    main()
