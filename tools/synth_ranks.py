"""Score every system on longtake-synth, and tell whether one seed ranks them as another does.

    python tools/synth_ranks.py OUT MODELS [--seeds 1 2 3 4 5] [--only NAME ...] [--threads 1]
    python tools/synth_ranks.py

MODELS: a folder of NAME/model.safetensors; the bundled models come with longtake. What is scored already stays, so it
goes on where it was stopped. Seeds on which all systems are scored (two or more) are gathered in docs/synth.json, and
the tables of docs/synth.md are written from that; alone, the tool only writes the tables.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import kendalltau, spearmanr

from longtake.data.layouts import open_dataset

SYSTEMS = {
    "stm-mobilenet-v2": "STM, bundled (`default`)",
    "stm-mobilenet-v2-products": "STM, bundled (`products`)",
    "stm-1": "STM",
    "ddmemory-1": "DDMemory",
    "dtmnet-1": "DTMNet",
    "lstnet-1": "LSTNet",
    "dmn-aoa-1": "DMN-AOA",
}
KEPT, PAGE, README = Path("docs/synth.json"), Path("docs/synth.md"), Path("README.md")
Coefficient = Callable[[list[float], list[float]], Sequence[float]]

AWAY = 100
"""Frames from which an absence is long."""


def call(threads: int, *words: object) -> float:
    """Run a command of longtake; seconds of processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run([sys.executable, "-m", "longtake", *map(str, words)], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def score(out: Path, models: Path, seeds: Sequence[int], names: Sequence[str], threads: int) -> None:
    """Everything that is not scored yet, seed by seed."""
    for seed in seeds:
        clips = out / f"clips-{seed}"
        if not clips.is_dir():
            call(threads, "synth", clips, "--seed", seed)
        for name in names:
            run = out / f"{name}-{seed}"
            if (run / "seconds.json").exists():
                continue
            own = models / name / "model.safetensors"
            words = ["--model", own if own.exists() else name, "--precision", "float32", "--out", run]
            seconds = call(threads, "benchmark", clips, "--dataset", "longtake-synth", *words)
            (run / "seconds.json").write_text(json.dumps({"processor": seconds, "threads": threads}) + "\n")


def keep(out: Path, names: Sequence[str]) -> None:
    """Gather the seeds on which all of these systems are scored."""
    seeds, runs = dict[str, Any](), dict[str, dict[str, Any]]()
    for clips in sorted(out.glob("clips-*")):
        seed = clips.name.removeprefix("clips-")
        if all((out / f"{name}-{seed}/seconds.json").exists() for name in names):
            seeds[seed], back = facts(clips)
            for name in names:
                runs.setdefault(name, {})[seed] = found(out / f"{name}-{seed}", seeds[seed]["videos"], back)
    KEPT.write_text(json.dumps({"seeds": seeds, "runs": runs}, indent=1) + "\n")


def facts(clips: Path) -> tuple[dict[str, Any], dict[str, set[str]]]:
    """The sum of all pixels and masks of a seed and its attributes; the frames in which an object is there again."""
    digest, back = hashlib.sha256(), dict[str, set[str]]()
    data = open_dataset(clips)
    for video in data.videos:
        away = dict.fromkeys(video.objects, 0)
        returned = set[int]()
        for name, frame in video.frames.items():
            image, ids = np.asarray(Image.open(frame)), np.asarray(Image.open(video.masks[name]))
            digest.update(image.tobytes())
            digest.update(ids.tobytes())
            for thing in video.objects:
                if not (ids == thing).any():
                    away[thing] += bool(video.objects[thing].range and int(name) > video.objects[thing].range.start)
                    continue
                if away[thing] >= AWAY:
                    returned.add(thing)
                away[thing] = 0
                if thing in returned:
                    back.setdefault(f"{video.name}/{thing}", set()).add(name)
    told = json.loads((clips / "valid/valid_meta.json").read_text())["videos"]
    return {"sha256": digest.hexdigest(), "videos": {name: each["attributes"] for name, each in told.items()}}, back


def found(run: Path, videos: Mapping[str, Sequence[str]], back: Mapping[str, set[str]]) -> dict[str, Any]:
    """The figures of a run."""
    scored, seconds = (json.loads((run / name).read_text()) for name in ("scores.json", "seconds.json"))
    things, after = dict[str, Any](), list[float]()
    for name, each in scored["objects"].items():
        things[name] = {"J": round(each["J"]["mean"], 5), "F": round(each["F"]["mean"], 5), "V": round(each["V"], 5)}
        pairs = zip(each["frames"], each["J"]["per_frame"], strict=True)
        if values := [value for frame, value in pairs if frame in back.get(name, ())]:
            things[name]["J_after_return"] = round(mean(values), 5)
            after.append(mean(values))
    frames = scored["benchmark"]["frames"]
    return {
        **{name: round(scored["global"][name], 5) for name in ("J&F", "J", "F", "V")},
        "J_after_return": round(mean(after), 5),
        "by_attribute": by_attribute(things, videos),
        "frames_per_processor_second": round(frames / seconds["processor"], 3),
        "objects": things,
    }


def by_attribute(things: Mapping[str, Mapping[str, float]], videos: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Means over the objects of the videos that have an attribute."""
    codes, parts = {code: None for codes in videos.values() for code in codes}, dict[str, Any]()
    for code in codes:
        own = [each for name, each in things.items() if code in videos[name.split("/")[0]]]
        means = {figure: mean(each[figure] for each in own) for figure in "JFV"}
        count = sum(code in codes for codes in videos.values())
        whole = {"J&F": (means["J"] + means["F"]) / 2, **means}
        parts[code] = {
            "videos": count,
            "objects": len(own),
            **{name: round(value, 5) for name, value in whole.items()},
        }
    return parts


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


class Figures:
    """What is kept, as tables."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        self.kept, self.seeds = kept, list(kept["seeds"])
        self.runs = {name: kept["runs"][name] for name in SYSTEMS if name in kept["runs"]}

    def ordered(self) -> list[str]:
        """The systems, the best first."""
        return sorted(self.runs, key=lambda name: -self.mean(name, "J&F"))

    def values(self, name: str, figure: str) -> list[float]:
        """Of each seed."""
        return [run[figure] for run in self.runs[name].values()]

    def mean(self, name: str, figure: str) -> float:
        """Over the seeds."""
        return mean(self.values(name, figure))

    def systems(self) -> str:
        """Every system, over all seeds."""
        rows = []
        for name in self.ordered():
            scores = self.values(name, "J&F")
            spread = f" ± {stdev(scores):.3f}" if len(scores) > 1 else ""
            figures = (f"{self.mean(name, figure):.3f}" for figure in ("J", "F", "V", "J_after_return"))
            speed = f"{self.mean(name, 'frames_per_processor_second'):.1f}"
            rows.append([SYSTEMS[name], f"{mean(scores):.3f}{spread}", *figures, speed])
        return table(["system", "J&F", "J", "F", "V", "J after a return", "frames per second of a core"], rows)

    def by_seed(self) -> str:
        """J&F and rank of every system on every seed."""
        rows = []
        for name in self.ordered():
            cells = []
            for seed in self.seeds:
                ranked = sorted(self.runs, key=lambda other: -self.runs[other][seed]["J&F"])
                cells.append(f"{self.runs[name][seed]['J&F']:.3f} ({ranked.index(name) + 1})")
            rows.append([SYSTEMS[name], *cells])
        return table(["system", *(f"seed {seed}" for seed in self.seeds)], rows)

    def attributes(self) -> str:
        """J&F of every system on the objects of the videos with an attribute, and without, all seeds together."""
        codes = ("BC", "FM", "OCC", "DB", "SC", "AC")
        videos = {name: each for seed in self.kept["seeds"].values() for name, each in seed["videos"].items()}
        rows = []
        for name in self.ordered():
            things = {thing: each for run in self.runs[name].values() for thing, each in run["objects"].items()}
            cells = []
            for code in codes:
                parts = [
                    mean(
                        (each["J"] + each["F"]) / 2
                        for thing, each in things.items()
                        if having(videos, thing, code) is has
                    )
                    for has in (True, False)
                ]
                cells.append(f"{parts[0]:.3f} / {parts[1]:.3f}")
            rows.append([SYSTEMS[name], *cells])
        count = [f"{code} ({sum(code in each for each in videos.values())})" for code in codes]
        return table(["system", *count], rows)

    def pairs(self, names: Sequence[str], figure: str, coefficient: Coefficient) -> dict[tuple[str, str], float]:
        """A rank correlation of every two seeds."""
        scores = {seed: [self.runs[name][seed][figure] for name in names] for seed in self.seeds}
        return {pair: float(coefficient(*(scores[seed] for seed in pair))[0]) for pair in combinations(self.seeds, 2)}

    def ranks(self) -> str:
        """Rank correlations of all pairs of seeds, and their means, with and without the bundled models."""
        kinds = [(figure, each) for figure in ("J&F", "J_after_return") for each in (kendalltau, spearmanr)]
        equal = [name for name in self.runs if "bundled" not in SYSTEMS[name]]
        whole, five = ([self.pairs(names, *kind) for kind in kinds] for names in (list(self.runs), equal))
        rows = [[f"{one} and {other}", *(f"{each[one, other]:.2f}" for each in whole)] for one, other in whole[0]]
        for words, columns in (("mean", whole), ("mean, without the bundled", five)):
            rows.append([f"**{words}**", *(f"**{mean(each.values()):.2f}**" for each in columns)])
        head = ["seeds", "J&F: Kendall", "J&F: Spearman", "after a return: Kendall", "after a return: Spearman"]
        return table(head, rows)

    def sums(self) -> str:
        """The sums of the seeds."""
        return table(["seed", "SHA-256"], [[seed, f"`{each['sha256']}`"] for seed, each in self.kept["seeds"].items()])


def having(videos: Mapping[str, Sequence[str]], thing: str, code: str) -> bool:
    """Whether an object's video has an attribute."""
    return code in videos[thing.split("/", maxsplit=1)[0]]


def write() -> None:
    """Put every table into its place in the page, and the first of them into the README."""
    figures = Figures(json.loads(KEPT.read_text()))
    for page in (PAGE, README):
        text = page.read_text()
        for name in ("systems", "by_seed", "attributes", "ranks", "sums"):
            before, after = f"<!-- {name} -->\n", "\n<!-- end -->"
            made = before + getattr(figures, name)() + after
            text = re.sub(f"{re.escape(before)}.*?{re.escape(after)}", made, text, flags=re.DOTALL)
        page.write_text(text)


def main() -> None:
    """Score what is to be scored, keep it, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("models", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--only", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        if given.models:
            score(given.out, given.models, given.seeds, given.only, given.threads)
        keep(given.out, given.only)
    write()


if __name__ == "__main__":
    main()
