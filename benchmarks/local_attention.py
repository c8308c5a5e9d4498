"""Time and memory of local attention by tiles and of the literal one, which unfolds windows, at the grid of 480p.

    python benchmarks/local_attention.py

Both run by turns in one process on two threads, after a warm-up; medians are printed with their ratio, beside the
machine's matrix-multiply rate. Memory is what one call adds, each in a process of its own: the peak resident size that
the system kept, less what was resident just before the call, which came after one on a tiny grid. A peak before that
could only make it larger. (Linux's own counts: the peak that getrusage tells includes the parent's.)
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from longtake.nn.local_attention import LocalAttention
from speed import matrix_rate, resident
from unfolded import unfolded

GRID = (31, 55)
"""A frame of 481x865 at stride 16."""

ROUNDS = 7

WAYS: dict[str, Callable[[LocalAttention, Tensor, Tensor, Tensor], Tensor]] = {
    "literal": unfolded,
    "by tiles": LocalAttention.__call__,
}


def inputs(h: int, w: int) -> list[Tensor]:
    """Query, key and value."""
    return [torch.randn(1, h, w, 256) for _ in range(3)]


def seconds(attention: LocalAttention, context: AbstractContextManager[object]) -> dict[str, float]:
    """Median seconds of each way."""
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    given = inputs(*GRID)
    with torch.inference_mode(), context:
        for _ in range(ROUNDS + 1):
            for way, call in WAYS.items():
                started = time.perf_counter()
                call(attention, *given)
                times[way].append(time.perf_counter() - started)
    return {way: statistics.median(some[1:]) for way, some in times.items()}


def peak(attention: LocalAttention, way: str) -> float:
    """MB that one call adds at its peak to what is resident."""
    given = inputs(*GRID)
    with torch.inference_mode():
        WAYS[way](attention, *inputs(3, 3))
        before = resident("VmRSS")
        WAYS[way](attention, *given)
    return resident("VmHWM") - before


def main() -> None:
    """Print times, memory and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(2)
    attention = LocalAttention(256, heads=8, radius=7).eval()
    if given.child:
        print(peak(attention, given.child))
        return
    half = torch.autocast("cpu", torch.bfloat16)
    for name, context in {"float32": nullcontext(), "bfloat16 autocast": half}.items():
        rate = matrix_rate(torch.float32)
        took = seconds(attention, context)
        rate = (rate + matrix_rate(torch.float32)) / 2
        print(
            f"{name}: literal {1e3 * took['literal']:.0f} ms, by tiles {1e3 * took['by tiles']:.0f} ms,"
            f" {took['literal'] / took['by tiles']:.1f} times as fast, at {rate:.0f} GFLOP/s",
            flush=True,
        )
    words = [sys.executable, __file__, "--child"]
    added = {
        way: float(subprocess.run([*words, way], check=True, capture_output=True, text=True).stdout) for way in WAYS
    }
    print(
        f"peak memory of a call: literal {added['literal']:.0f} MB, by tiles {added['by tiles']:.0f} MB,"
        f" {added['literal'] / added['by tiles']:.1f} times less"
    )


if __name__ == "__main__":
    main()
