"""Kill `segment` with SIGKILL at random frames, resume it each time, and compare with an undisturbed run.

    python tools/kill_segment.py --trials 20

Runs the bundled model on a rendered clip, all kinds of results switched on. After each kill whatever stands in the
results must be whole and as in the undisturbed run; after the resumption everything must be. Exit status 1 where it is
not. Children are forked from a process that has imported torch and computed nothing, so that a trial takes seconds.
"""

import argparse
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.export.resume import NAME
from longtake.export.segment import segment
from longtake.types import VideoInfo
from longtake.video.palette import write_labels
from longtake.video.sinks import VideoSink

FRAMES, HEIGHT, WIDTH = 60, 96, 160


def make(root: Path) -> None:
    """A video, and the masks of its first frame."""
    with VideoSink(root / "clip.mp4", VideoInfo("clip", FRAMES, Fraction(24), Fraction(1, 24))) as video:
        for index, (image, ids) in enumerate(render(DEMO_ACTORS, FRAMES, HEIGHT, WIDTH, 3)):
            video.add(image, Fraction(index, 24))
            if index == 0:
                write_labels(root / "mask.png", ids.astype(np.uint16))


def start(root: Path, out: Path, resume: bool) -> int:
    """A process that segments; its number."""
    if child := os.fork():
        return child
    logging.getLogger("longtake").addHandler(logging.NullHandler())
    save = ("overlay", "probabilities")
    segment(
        root / "clip.mp4", root / "mask.png", out, save=save, resume=resume, checkpoint=0.1, precision="float32",
        explain=("#20",),
    )  # fmt: skip
    os._exit(0)


def contents(out: Path) -> dict[str, bytes]:
    """Every file that has its name, of the record the part without times."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    if "run.json" in files:
        record = json.loads(files["run.json"])
        files["run.json"] = json.dumps([record["frames"], record["objects"], record["stopped"]]).encode()
    return {name: value for name, value in files.items() if not Path(name).name.startswith(".")}


def main() -> int:
    """Exit status 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    trials, wrong, resumed = parser.parse_args().trials, 0, Counter[bool]()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        began = time.monotonic()
        os.waitpid(start(root, root / "whole", False), 0)
        took, expected = time.monotonic() - began, contents(root / "whole")
        print(f"undisturbed: {len(expected)} files in {took:.1f} s")
        for trial in range(trials):
            out = root / str(trial)
            child = start(root, out, False)
            time.sleep(random.uniform(0.1, 0.95) * took)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            left = contents(out) if out.exists() else {}
            torn = [name for name, value in left.items() if value != expected.get(name)]
            resumed[(out / NAME).exists()] += 1
            _, status = os.waitpid(start(root, out, True), 0)
            after = contents(out)
            same = after == expected and status == 0
            print(f"trial {trial}: killed with {len(left)} files, torn: {torn or 'none'}; after resuming same: {same}")
            wrong += bool(torn) or not same
    print(f"{trials - wrong} of {trials} as undisturbed; {resumed[True]} went on, {resumed[False]} began anew")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
