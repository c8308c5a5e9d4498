"""Recipes that train in seconds."""

import csv
from pathlib import Path

from longtake.training.folder import Job
from longtake.training.parse import parse_recipe, set_dotted
from longtake.training.recipe import Recipe

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}
SHAPES = [{"frames": 3, "side": 64, "objects": 1}, {"frames": 3, "side": 64, "objects": 2}]


def recipe(stages: str = "both", **changes: object) -> Recipe:
    """Two stages of four steps; changes by dotted names."""
    stage = {"steps": 4, "batch": 2, "shapes": SHAPES, "rate": 0.0004}
    last = {"schedule": {"kind": "linear"}, "hardest": [[0.2, 1.0], [0.7, 0.15]]}
    extras = {"distractor": 0.25, "lookalike": 0.2}
    values: dict[str, object] = {
        "model": "stm-mobilenet-v2",
        "options": TINY,
        "precision": "float32",
        "workers": 0,
        "save_every": 3,
        "teaching": {"frozen": []},
        "stages": [
            stage | {"name": "pretrain", "sources": {"stills": 0.6, "pasted": 0.4, **extras}},
            stage | {"name": "main", "sources": {"video": 0.8, "stills": 0.2, **extras}, "teaching": last},
        ],
    }
    for key, value in changes.items():
        set_dotted(values, key, value)
    return parse_recipe(values, "test", stages)


def job(data: list[Path], stages: str = "both", **changes: object) -> Job:
    return Job(recipe(stages, **changes), tuple(data))


def procedural(**changes: object) -> Job:
    """One stage of four steps without data."""
    only = {"stages.0.sources": {"procedural": 1.0}, "stages.0.shapes": SHAPES[:1]}
    return Job(recipe("pretrain", **{**only, **changes}), ())


def losses(out: Path) -> list[tuple[str, ...]]:
    """Lines of losses.csv without the seconds."""
    with (out / "losses.csv").open(newline="") as file:
        return [tuple(row[:-1]) for row in csv.reader(file)]
