"""The folder of a run: what was resolved, what it came from, and the checkpoint to go on from.

recipe.json (the resolved recipe and the places of its data), run.json (commit, versions, machine, digests of code
and data), manifest.csv (every file of the data), losses.csv, log.jsonl, tensorboard/, pictures/, validation/,
checkpoint.pt, best.safetensors and, at the end, model.safetensors.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from longtake.errors import CheckpointError, OutputError, SettingError
from longtake.systems.trained import TRAINING
from longtake.training.parse import parse_recipe
from longtake.training.provenance import differences, manifest
from longtake.training.recipe import Recipe
from longtake.video.whole import whole

RECIPE, RUN, MANIFEST, CHECKPOINT = "recipe.json", "run.json", "manifest.csv", TRAINING
MODEL, BEST = "model.safetensors", "best.safetensors"


@dataclass(frozen=True)
class Job:
    """What is trained, on which folders of data, and where validation finds its videos (None: among the data)."""

    recipe: Recipe
    data: tuple[Path, ...]
    validation: Path | None = None


def check_new(out: Path) -> None:
    """Raises SettingError where the folder already holds a run."""
    if (out / RECIPE).exists():
        raise SettingError(f"{out} already holds a run; go on with: longtake train --resume {out}")


def write_job(out: Path, job: Job, facts: Mapping[str, Any], files: Mapping[Path, Sequence[Path]]) -> None:
    """Make the folder, recipe.json last: a folder that has it has all of them. Raises OutputError."""
    places = {"data": [str(path) for path in job.data], "validation": job.validation and str(job.validation)}
    resolved = {"recipe": job.recipe.model_dump(mode="json"), **places}
    texts = {MANIFEST: manifest(files), RUN: json.dumps(facts, indent=1), RECIPE: json.dumps(resolved, indent=1)}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with whole(out / name) as partial:
                partial.write_text(text + "\n" * (not text.endswith("\n")))
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error})") from error


def read_job(out: Path) -> Job:
    """What a folder's run is. Raises SettingError where there is none, CheckpointError where its record is damaged."""
    if not (out / RECIPE).exists():
        raise SettingError(f"{out} holds no run; start one with: longtake train RECIPE --data ROOT --out {out}")
    try:
        resolved = json.loads((out / RECIPE).read_text())
        where = resolved["validation"]
        data = tuple(Path(path) for path in resolved["data"])
        return Job(parse_recipe(resolved["recipe"], str(out)), data, where and Path(where))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{out / RECIPE}: damaged ({error}); start the run again in another folder") from error


def check_unchanged(out: Path, now: Mapping[str, Any], step: int, accepted: bool) -> None:
    """Compare code, packages, data and weights with those of the run so far; what is accepted goes into run.json.

    Raises CheckpointError where they are others, and that is not accepted.
    """
    try:
        record = json.loads((out / RUN).read_text())
        last = [record, *record.get("resumed", [])][-1]
        found = differences(last, now)
        processes = [facts["machine"]["processes"] for facts in (last, now)]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{out / RUN}: damaged ({error}); start the run again in another folder") from error
    if processes[0] != processes[1]:
        logging.getLogger("longtake").warning(
            "%s: %d processes before, %d now: losses agree within rounding only", out, *processes
        )
    if not found:
        return
    if not accepted:
        raise CheckpointError(
            f"{out}: resumed with {'; '.join(found)}; the losses would not be those of an undisturbed run. "
            "Go on all the same with --accept-changes"
        )
    resumed = [*record.get("resumed", []), {"step": step, "changes": found, **now}]
    with whole(out / RUN) as partial:
        partial.write_text(json.dumps(record | {"resumed": resumed}, indent=1) + "\n")


def save(out: Path, state: Mapping[str, Any]) -> None:
    """Write checkpoint.pt, whole or not at all. Raises OutputError."""
    try:
        with whole(out / CHECKPOINT) as partial:
            torch.save(dict(state), partial)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{out / CHECKPOINT}: cannot be written ({error})") from error


def saved(out: Path) -> dict[str, Any] | None:
    """What checkpoint.pt holds, None where there is none yet. Raises CheckpointError where it is damaged."""
    path = out / CHECKPOINT
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be resumed ({error}); start the run again in another folder") from error
    return state
