"""Train a compact system on equal terms with the others, measure it, and keep what came out as one JSON file.

    python tools/five_memories.py train MODEL SHARED RUNS [--seed 1] [--set KEY=VALUE ...] [--name NAME]
    python tools/five_memories.py measure SHARED RUNS/NAME [--set KEY=VALUE ...] [--name NAME] [--out docs/comparison]

MODEL: stm, ddmemory, dtmnet, lstnet or dmn-aoa. SHARED: the folder with data/davis2016, data/stills, data/backbones.
The recipe is MODEL-compact, which is five-memories on the system's grid; called again, a run goes on.
Measured are the selection sequences, as they were validated, the hold-out, and the rendered clips with long absences.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

STILLS = ("coco128", "people", "regions", "emoji")
EVERY = 20
"""Steps over which a loss that is kept is the mean."""


def call(*words: object) -> None:
    """Run a command of longtake."""
    subprocess.run([sys.executable, "-m", "longtake", *map(str, words)], check=True)


def train(model: str, shared: Path, out: Path, seed: int, settings: list[str]) -> None:
    """The run of a system, from its beginning or from where it was stopped."""
    if (out / "recipe.json").exists():
        call("train", "--resume", out)
        return
    data = shared / "data"
    roots = [data / "davis2016", *(data / "stills" / name for name in STILLS)]
    backbone = data / "backbones/mobilenet_v2-imagenet.safetensors"
    fixed = [f"seed={seed}", f"backbone={backbone}"]
    words = [word for setting in [*fixed, *settings] for word in ("--set", setting)]
    call("train", f"{model}-compact", *(word for root in roots for word in ("--data", root)), "--out", out, *words)


def measure(shared: Path, run: Path, settings: list[str]) -> dict[str, Any]:
    """Everything that is kept of a run that has ended; settings: switches of the model while it is measured."""
    suffix = "".join(f"-{setting}" for setting in settings)
    holdout, long = run / f"holdout{suffix}", run / f"long{suffix}"
    how = ["--model", run / "model.safetensors", "--precision", "float32"]
    how += [word for setting in settings for word in ("--set", f"model.{setting}")]
    words = [shared / "data/davis2016", "--dataset", "davis2016", "--split", "holdout"]
    commands = {
        "holdout": ["benchmark", *words, *how, "--out", holdout],
        "long": ["benchmark", "--dataset", "synth-long", *how, "--out", long],
    }
    for command in commands.values():
        call(*command)
    recipe, facts = (json.loads((run / name).read_text()) for name in ("recipe.json", "run.json"))
    recipe = recipe["recipe"]
    recipe |= {key: Path(recipe[key]).name for key in ("backbone", "start") if recipe[key]}
    return {
        "commit": facts["code"],
        "versions": facts["versions"],
        "machine": facts["machine"],
        "resumed": [{key: each[key] for key in ("step", "changes")} for each in facts.get("resumed", [])],
        "recipe": recipe,
        "data": [{key: value for key, value in each.items() if key != "root"} for each in facts["data"]],
        "losses": losses(run),
        "validation": [
            {key: event[key] for key in ("step", "J", "F", "J&F")}
            for event in map(json.loads, (run / "log.jsonl").read_text().splitlines())
            if event["event"] == "validation"
        ],
        "holdout": scores(holdout / "scores.json"),
        "long": scores(long / "scores.json") | {"J_after_return": returned(long)},
        "commands": {name: told(words, shared, run) for name, words in commands.items()},
    }


def told(words: Sequence[object], shared: Path, run: Path) -> str:
    """A command as others would type it."""
    places = ((f"{run}/", "RUN/"), (f"{shared}/", "SHARED/"))
    text = " ".join(["longtake", *map(str, words)])
    for own, name in places:
        text = text.replace(own, name)
    return text


def losses(run: Path) -> dict[str, list[float]]:
    """Columns of the run's losses, each the mean over some steps; and the seconds of all steps together."""
    with (run / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("stage", "rate", "seconds")]
    parts = [rows[start : start + EVERY] for start in range(0, len(rows), EVERY)]
    table = {name: [round(sum(float(row[name]) for row in part) / len(part), 5) for part in parts] for name in names}
    return table | {
        "step": [int(part[-1]["step"]) for part in parts],
        "seconds": [sum(float(r["seconds"]) for r in rows)],
    }


def scores(path: Path) -> dict[str, Any]:
    """What the benchmark found, without the values of single frames."""
    found = json.loads(path.read_text())
    objects = {name: {m: each[m]["mean"] for m in "JF"} for name, each in found["objects"].items()}
    speed = {key: found["benchmark"][key] for key in ("frames_per_second", "precision")}
    return {
        "protocol": found["protocol"]["name"],
        "all": found["global"],
        "intervals": found["intervals"],
        "objects": objects,
        **speed,
    }


def returned(out: Path) -> dict[str, float]:
    """J after the last frame in which an object was away, of each that was; the truth lies beside the clips."""
    found, after = json.loads((out / "scores.json").read_text()), dict[str, float]()
    for name, each in found["objects"].items():
        video, number = name.split("/")
        masks = {path.stem: path for path in (out / "clips/Annotations/240p" / video).iterdir()}
        there = [bool((np.asarray(Image.open(masks[frame])) == int(number)).any()) for frame in each["frames"]]
        if not all(there):
            last = max(k for k, seen in enumerate(there) if not seen)
            values = each["J"]["per_frame"][last + 1 :]
            after[name] = sum(values) / len(values)
    return after


def main() -> None:
    """Train or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    first = verbs.add_parser("train")
    first.add_argument("model")
    first.add_argument("shared", type=Path)
    first.add_argument("runs", type=Path)
    first.add_argument("--seed", type=int, default=1)
    first.add_argument("--set", action="append", default=[])
    first.add_argument("--name")
    second = verbs.add_parser("measure")
    second.add_argument("shared", type=Path)
    second.add_argument("run", type=Path)
    second.add_argument("--set", action="append", default=[])
    second.add_argument("--name")
    second.add_argument("--out", type=Path, default=Path("docs/comparison"))
    given = parser.parse_args()
    if given.verb == "train":
        name = given.name or f"{given.model}-{given.seed}"
        train(given.model, given.shared, given.runs / name, given.seed, given.set)
        return
    summary = measure(given.shared, given.run, given.set)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{given.name or given.run.name}.json"
    path.write_text(json.dumps(summary, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
