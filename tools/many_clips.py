"""Two hundred short clips, five of them broken, through `longtake batch`, twice, with a worker killed in the middle.

    python tools/many_clips.py OUT
    python tools/many_clips.py OUT --engine ray
    python tools/many_clips.py OUT --kill 0

Prints what the report says after each call, and exits with 1 where it is not 195 done and 5 failed, then 195 done
before and the same 5. For Ray a cluster of two nodes is started here. --kill: how many workers to kill with SIGKILL.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.video.palette import write_labels

CLIPS, FRAMES, HEIGHT, WIDTH = 200, 6, 96, 160
BROKEN = {17: "no file", 58: "not a video", 99: "no mask", 140: "a mask of another shape", 181: "one frame is torn"}


def make(root: Path) -> Path:
    """The clips, folders of PNG frames, and their manifest."""
    lines = ["source,masks"]
    for number in range(CLIPS):
        frames = root / "clips" / f"{number:03}"
        frames.mkdir(parents=True)
        mask = root / "masks" / f"{number:03}.png"
        mask.parent.mkdir(exist_ok=True)
        for index, (image, ids) in enumerate(render(DEMO_ACTORS, FRAMES, HEIGHT, WIDTH, number)):
            Image.fromarray(image).save(frames / f"{index:05}.png")
            if index == 0:
                write_labels(mask, ids.astype(np.uint16))
        spoil(BROKEN.get(number), frames, mask)
        lines.append(f"clips/{number:03},masks/{number:03}.png")
    (root / "videos.csv").write_text("\n".join(lines) + "\n")
    return root / "videos.csv"


def spoil(how: str | None, frames: Path, mask: Path) -> None:
    """Break one clip."""
    if how == "no file":
        frames.rename(frames.with_name("away"))
    elif how == "not a video":
        for path in frames.iterdir():
            path.write_text("nothing to see")
    elif how == "no mask":
        mask.unlink()
    elif how == "a mask of another shape":
        write_labels(mask, np.ones((WIDTH, HEIGHT // 2), np.uint16))
    elif how == "one frame is torn":
        torn = frames / "00003.png"
        torn.write_bytes(torn.read_bytes()[:200])


def workers_of(pid: int, engine: str) -> list[int]:
    """The processes that segment: children of the command, or Ray's actors."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if words.startswith(b"ray::Worker") if engine == "ray" else parent == pid and b"spawn_main" in words:
            found.append(int(folder.name))
    return found


def call(manifest: Path, out: Path, engine: str, words: list[str], kills: int) -> Counter[str]:
    """One call of the command, with workers killed after 20 clips and more; the states of its report."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "longtake", "batch", manifest, "--out", out, "--save", "", "--engine", engine, *words],
        stderr=subprocess.DEVNULL,
    )
    for number in range(kills):
        while process.poll() is None and len(list(out.glob("*/job.json"))) < 20 * (number + 1):
            time.sleep(0.1)
        if living := workers_of(process.pid, engine):
            victim = random.choice(living)
            os.kill(victim, signal.SIGKILL)
            print(f"killed worker {victim} of {len(living)}")
    process.wait()
    with (out / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    states = Counter(row["state"] for row in rows)
    print(f"exit status {process.returncode}, {dict(states)}, {time.monotonic() - began:.0f} s")
    for row in rows:
        if row["state"] == "failed":
            print(f"  {row['name']}: {row['message']}")
    return states


def main() -> int:
    """Exit status 1 where the reports are not what they should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--kill", type=int, default=1, help="workers to kill in the first call")
    options = parser.parse_args()
    manifest, out = make(options.out), options.out / "results"
    good, bad = CLIPS - len(BROKEN), len(BROKEN)
    with ExitStack() as stack:
        words = ["--workers", "2"]
        if options.engine == "ray":
            from ray.cluster_utils import Cluster

            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
            stack.callback(cluster.shutdown)
            cluster.add_node(num_cpus=1)
            words += ["--address", cluster.address]
        first = call(manifest, out, options.engine, words, options.kill)
        stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*/*")}
        second = call(manifest, out, options.engine, words, 0)
    untouched = stamps == {path: path.stat().st_mtime_ns for path in out.rglob("*/*")}
    whole = all(len(list((out / row.parent.name / "labels").iterdir())) == FRAMES for row in out.glob("*/job.json"))
    print(f"results untouched by the second call: {untouched}; every folder whole: {whole}")
    expected = Counter(done=good, failed=bad), Counter(before=good, failed=bad)
    return int((first, second) != expected or not untouched or not whole)


if __name__ == "__main__":
    sys.exit(main())
