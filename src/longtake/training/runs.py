"""Beginning a run in a folder, and going on with one."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from longtake.engine.runtime import runtime
from longtake.training import folder
from longtake.training.folder import Job
from longtake.training.loop import Trainer
from longtake.training.sources import tell


def start(job: Job, out: Path) -> Trainer:
    """A new run. Raises SettingError where the folder already holds one."""
    recipe = job.recipe
    places = {name: str(Path(path).resolve()) for name, path in recipe.weights.items()}
    if recipe.proposals is not None:
        places["proposals"] = str(Path(recipe.proposals).resolve())
    if Path(recipe.split).is_file():
        places["split"] = str(Path(recipe.split).resolve())
    if recipe.precision == "auto":
        places["precision"] = str(runtime().dtype).removeprefix("torch.")
    job = replace(
        job,
        recipe=recipe.model_copy(update=places),
        data=tuple(Path(os.path.abspath(path)) for path in job.data),  # noqa: PTH100 (a link keeps its name)
        validation=job.validation and job.validation.resolve(),
    )
    folder.check_new(out)
    trainer = Trainer(job, out)
    trainer.accelerator.wait_for_everyone()
    trainer.processes.together(partial(_begin, trainer))
    return trainer


def _begin(trainer: Trainer) -> None:
    if trainer.main:
        folder.write_job(trainer.out, trainer.job, trainer.facts(), trainer.files)
        tell(trainer.sources)


def resume(out: Path, accept_changes: bool = False) -> Trainer:
    """The run in a folder, where it was last saved (or at its beginning).

    Raises SettingError where there is none, CheckpointError where code, packages, data or weights to start from have
    changed since, unless that is accepted; it is then recorded.
    """
    job = folder.read_job(out)
    state = folder.saved(out)
    trainer = Trainer(job, out, weights=state is None)
    if state is not None:
        trainer.restore(state)
    trainer.processes.together(partial(_go_on, trainer, accept_changes))
    return trainer


def _go_on(trainer: Trainer, accept_changes: bool) -> None:
    if trainer.main:
        folder.check_unchanged(trainer.out, trainer.facts(), trainer.done, accept_changes)
