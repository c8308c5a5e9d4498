"""Kill a training run with SIGKILL at random steps, resume it each time, and compare it with an undisturbed run.

    python tools/kill_training.py --kills 20

Trains a tiny model on a rendered clip. Exit status 1 where losses or weights differ. Children are forked from a process
that has imported torch and computed nothing, so that a kill costs a second and not ten.
"""

import argparse
import csv
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.training import loop
from longtake.training.recipe import Recipe, parse_recipe
from longtake.video.palette import write_labels

STEPS = 60


def clip_folder(root: Path) -> Path:
    """A data set of one rendered clip, in DAVIS layout."""
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "480p" / "toy").mkdir(parents=True)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    (root / "ImageSets" / "2016" / "train.txt").write_text("toy\n")
    for index, (image, ids) in enumerate(render(DEMO_ACTORS, 8, 96, 128, 1)):
        Image.fromarray(image).save(root / "JPEGImages/480p/toy" / f"{index:05d}.jpg")
        write_labels(root / "Annotations/480p/toy" / f"{index:05d}.png", ids.astype(np.uint16))
    return root


def recipe() -> Recipe:
    """A run of seconds that saves at every second step."""
    return parse_recipe(
        {
            "model": "stm-mobilenet-v2",
            "options": {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]},
            "precision": "float32",
            "workers": 0,
            "save_every": 2,
            "stages": [
                {
                    "name": "main",
                    "steps": STEPS,
                    "batch": 2,
                    "rate": 0.0004,
                    "shapes": [{"frames": 3, "side": 64}, {"frames": 3, "side": 64, "objects": 2}],
                    "sources": {"video": 1.0},
                }
            ],
        },
        "kills",
    )


def train(data: Path, out: Path) -> int:
    """Fork a child that begins or resumes the run, and return its process id."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    run = loop.resume(out) if (out / loop.RECIPE).exists() else loop.start(recipe(), [data], out)
    run.run()
    os._exit(0)


def rows(out: Path) -> list[list[str]]:
    """Lines of losses.csv without the seconds."""
    path = out / loop.LOSSES
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def kill_at(child: int, out: Path, step: int, delay: float) -> bool:
    """Kill the child a moment after a step was logged; False where it came to its end before."""
    while len(rows(out)) <= step:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    time.sleep(delay)
    if os.waitpid(child, os.WNOHANG)[0]:
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> None:
    """Run both, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, killed = random.Random(given.seed), []
    with tempfile.TemporaryDirectory() as name:
        data, whole, disturbed = clip_folder(Path(name) / "data"), Path(name) / "whole", Path(name) / "disturbed"
        os.waitpid(train(data, whole), 0)
        while len(killed) < given.kills:
            child = train(data, disturbed)
            reached = max(0, len(rows(disturbed)) - 1)
            step = reached + chance.randint(0, max(1, 2 * (STEPS - reached) // (given.kills - len(killed) + 1)))
            if kill_at(child, disturbed, min(step, STEPS - 1), chance.uniform(0, 0.1)):
                killed.append(len(rows(disturbed)) - 1)
            else:
                break
        os.waitpid(train(data, disturbed), 0)
        same = rows(whole) == rows(disturbed)
        parts = [torch.load(out / loop.CHECKPOINT, weights_only=True) for out in (whole, disturbed)]
        equal = all(torch.equal(a, parts[1]["average"][key]) for key, a in parts[0]["average"].items())
        print(f"{len(killed)} kills at steps {killed} of {STEPS}")
        print(f"{len(rows(whole)) - 1} losses {'the same' if same else 'DIFFER'}; averaged weights", end=" ")
        print("the same" if equal else "DIFFER")
        done = len(rows(whole)) == STEPS + 1 and len(killed) == given.kills
    sys.exit(0 if same and equal and done else 1)


if __name__ == "__main__":
    main()
