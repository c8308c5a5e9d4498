"""Kill a training run with SIGKILL at random steps, resume it each time, and compare it with an undisturbed run.

    python tools/kill_training.py --kills 20
    python tools/kill_training.py --kills 5 --processes 2 --model stm-resnet50
    python tools/kill_training.py --against-one --processes 2 --steps 20

Trains a tiny model on a rendered clip, in one process or in several (gloo). Exit status 1 where losses or weights
differ. Children are forked from a process that has imported torch and computed nothing, so that a kill costs a second
and not ten.
"""

import argparse
import csv
import dataclasses
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from accelerate.state import AcceleratorState
from PIL import Image

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.systems.zoo import ZOO
from longtake.training import folder, runs
from longtake.training.logs import EVENTS, LOSSES
from longtake.training.parse import parse_recipe
from longtake.training.recipe import Recipe
from longtake.video.palette import write_labels


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


def recipe(model: str, steps: int, side: int = 64, **changes: object) -> Recipe:
    """A run of seconds that saves at every second step: two stages, late objects, an average, parts, validation."""
    system = ZOO[model].tiny().build()
    size = system.fit.place((side, side)).fitted
    stage = {
        "steps": steps // 2,
        "batch": 4,
        "rate": 0.0004,
        "shapes": [
            {"side": size, "gap": [[0, 1], [0.5, 2]]},
            {"frames": 4, "side": size, "objects": 3, "late": system.capacity is None, "window": [0.8, 1.2]},
        ],
        "sources": {"video": 0.8, "procedural": 0.2, "merged": 0.3, "lookalike": 0.3},
    }
    values = {
        "model": model,
        "options": dataclasses.asdict(cast(Any, ZOO[model].tiny())),
        "precision": "float32",
        "workers": 0,
        "save_every": 2,
        "validation": {"every": 5, "split": "train"},
        "teaching": {"average": 0.99, "frozen": [], "schedule": {"kind": "poly", "warm_up": 5}},
        "stages": [
            stage | {"name": "main"},
            stage | {"name": "finetune", "accumulate": 2, "teaching": {"feedback": [[0, "truth"], [0.5, "hard"]]}},
        ],
    }
    return parse_recipe(values | changes, "kills")


def exact_recipe(model: str, steps: int) -> Recipe:
    """The same in float64 and without interruption, for processes that are held against one.

    Small and without depthwise convolutions: processors have no fast ones in float64, and go through those by channel.
    """
    options = dataclasses.asdict(cast(Any, ZOO[model].tiny()))
    if "backbone" in options:
        options["backbone"] = "resnet18"
    return recipe(model, steps, side=48, options=options, precision="float64", save_every=steps, validation=None)


def free_port() -> int:
    """A port that no one listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def train(job: folder.Job, out: Path, processes: int = 1) -> list[int]:
    """Fork children that begin or resume the run, and return their process ids."""
    port, begun, children = free_port(), (out / folder.RECIPE).exists(), []
    for number in range(processes):
        if child := os.fork():
            children.append(child)
            continue
        if processes > 1:
            place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": processes}
            ranks = dict.fromkeys(("RANK", "LOCAL_RANK"), number)
            os.environ |= {name: str(value) for name, value in (place | ranks).items()}
        torch.set_num_threads(1)
        AcceleratorState._reset_state(reset_partial_state=True)  # the parent may have trained by itself
        status = 1
        try:
            (runs.resume(out) if begun else runs.start(job, out)).run()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    return children


def wait(children: list[int]) -> bool:
    """Whether all children ended well."""
    return all(os.waitpid(child, 0)[1] == 0 for child in children)


def rows(out: Path) -> list[list[str]]:
    """Lines of losses.csv without the seconds."""
    path = out / LOSSES
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def kill_at(children: list[int], out: Path, step: int, delay: float) -> bool:
    """Kill all children a moment after a step was logged; False where they came to their end before."""
    while len(rows(out)) <= step:
        if os.waitpid(children[0], os.WNOHANG)[0]:
            wait(children[1:])
            return False
        time.sleep(0.002)
    time.sleep(delay)
    if os.waitpid(children[0], os.WNOHANG)[0]:
        wait(children[1:])
        return False
    for child in children:
        os.kill(child, signal.SIGKILL)
    wait(children)
    return True


def differences(whole: Path, disturbed: Path) -> list[str]:
    """What two runs do not have in common, bit by bit: losses, validations, or parts of the checkpoint."""
    found = [] if rows(whole) == rows(disturbed) else ["losses"]
    if validations(whole) != validations(disturbed):
        found.append("validations")
    one, other = (torch.load(out / folder.CHECKPOINT, weights_only=True) for out in (whole, disturbed))
    return found + [part for part in one if not same(one[part], other[part])]


def validations(out: Path) -> list[dict[str, Any]]:
    """The figures of every validation."""
    events = [json.loads(line) for line in (out / EVENTS).read_text().splitlines()]
    return [event for event in events if event["event"] == "validation"]


def same(one: Any, other: Any) -> bool:
    """Whether two parts of checkpoints are equal."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def against_one(model: str, steps: int, processes: int) -> int:
    """Train in several processes and in one, with float64; print how far their losses are apart at most."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        job = folder.Job(exact_recipe(model, steps), (clip_folder(root / "data"),))
        well = wait(train(job, root / "one")) & wait(train(job, root / "several", processes))
        one, several = (
            np.array([[float(figure) for figure in row[2:]] for row in rows(out)[1:]])
            for out in (root / "one", root / "several")
        )
        apart = np.abs(one - several).max() if well and one.shape == several.shape else np.inf
        print(f"{model}, {processes} processes against one: {len(one)} losses, apart by {apart:.1e} at most")
        return 0 if len(one) == steps and apart <= 1e-4 else 1


def main() -> None:
    """Run both, print what came of it."""
    cv2.setNumThreads(1)  # its threads would be missing, and waited for, in forked processes
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="processes that read data")
    parser.add_argument("--model", choices=list(ZOO), default="stm-mobilenet-v2")
    parser.add_argument(
        "--against-one", action="store_true", help="compare with one process instead; nothing is killed"
    )
    given = parser.parse_args()
    if given.against_one:
        sys.exit(against_one(given.model, given.steps, given.processes))
    chance, killed = random.Random(given.seed), []
    with tempfile.TemporaryDirectory() as name:
        whole, disturbed = Path(name) / "whole", Path(name) / "disturbed"
        job = folder.Job(recipe(given.model, given.steps, workers=given.workers), (clip_folder(Path(name) / "data"),))
        well = wait(train(job, whole, given.processes))
        while len(killed) < given.kills:
            children = train(job, disturbed, given.processes)
            reached = max(0, len(rows(disturbed)) - 1)
            step = reached + chance.randint(0, max(1, 2 * (given.steps - reached) // (given.kills - len(killed) + 1)))
            if not kill_at(children, disturbed, min(step, given.steps - 1), chance.uniform(0, 0.1)):
                break
            killed.append(len(rows(disturbed)) - 1)
        well &= wait(train(job, disturbed, given.processes))
        differ = differences(whole, disturbed)
        print(f"{given.model}, processes: {given.processes}: {len(killed)} kills at steps {killed} of {given.steps};")
        told = f"differ in {', '.join(differ)}" if differ else "the same bit by bit"
        print(f"{len(rows(whole)) - 1} losses, {len(validations(whole))} validations, and the checkpoint: {told}")
        done = len(rows(whole)) == given.steps + 1 and len(killed) == given.kills
    sys.exit(0 if well and done and not differ else 1)


if __name__ == "__main__":
    main()
