"""The training loop: any system, through `Unroll`, in one process or several, stopped and resumed without a trace.

Clip k of a stage follows from the seed, the stage and k alone, and the random numbers of a step from the seed, the step
and the process; so the step that was reached is all the sampler's and the generators' state. A step's clips are shared
out among the processes, and losses are means over clips: so the number of processes changes nothing but rounding, for
systems without randomness of their own (dropout) and with batch norm that keeps its statistics.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake.engine.proposals import check_proposals
from longtake.engine.runtime import Runtime
from longtake.engine.step import rules_for
from longtake.engine.unroll import Unroll
from longtake.errors import CheckpointError, InputError, OutputError
from longtake.systems.checkpoint import NOT_STATED, Card, following, read_card, save_checkpoint
from longtake.systems.flow_weights import flow_licence
from longtake.systems.protocol import AnySystem
from longtake.training import folder
from longtake.training.batch import make_batch
from longtake.training.build import build_system
from longtake.training.checks import check_late, check_precision, check_shares, check_sizes
from longtake.training.interrupt import Interrupt
from longtake.training.loader import Loaded, Share, Skipped, load
from longtake.training.logs import Log
from longtake.training.objective import objective
from longtake.training.optim import build_average, build_optimizer, rest, set_rates, warn_of_frozen
from longtake.training.pictures import write_picture
from longtake.training.processes import Processes
from longtake.training.provenance import code_facts, data_facts, machine_facts, version_facts, weight_facts
from longtake.training.sources import at_hand, bring_own, open_sources, stage_clips
from longtake.training.validation import StoppedError, find_validator

Report = Callable[[int, int, str], None]
"""Called after each step with the steps done, all steps, and a note."""


class Trainer:
    """A run: its parts, and how far it has come."""

    def __init__(self, job: folder.Job, out: Path, *, weights: bool = True) -> None:
        """weights: whether those that the recipe starts from are loaded; not where a checkpoint follows."""
        self.job, self.recipe, self.out = job, job.recipe, out
        teaching = self.recipe.teaching
        check_precision(self.recipe)
        self.processes = Processes(self.recipe.precision)
        self.accelerator, self.main = self.processes.accelerator, self.processes.main
        check_shares(self.recipe, self.processes.count)
        self.processes.together(partial(bring_own, job.data, out) if self.main else lambda: None)
        roots = at_hand(job.data, out)
        self.sources = open_sources(self.recipe, roots)
        self.clips = [stage_clips(self.recipe, number, self.sources) for number in range(len(self.recipe.stages))]
        self.validator = find_validator(self.recipe.validation, job.validation, roots, self.sources.notes)
        if self.validator is not None and self.sources.proposed is not None:
            self.sources.notes.append("validation: without the proposals, by each object's own")
        self.dtype = torch.float64 if self.recipe.precision == "float64" else torch.float32
        system = build_system(self.recipe, weights)
        self.system: AnySystem = system.train().to(self.dtype).to(memory_format=torch.channels_last)
        check_sizes(self.recipe, self.system)
        check_late(self.recipe, self.system, self.processes.count)
        check_proposals(self.system, self.recipe.proposals is not None)
        self.start = None if self.recipe.start is None else read_card(Path(self.recipe.start))
        self.optimizer = build_optimizer(self.system, teaching)
        if self.main and weights:
            warn_of_frozen(teaching, bool(self.recipe.backbone or self.recipe.start))
        unroll = Unroll(self.system, rules_for(self.system))
        self.unroll, self.prepared = self.accelerator.prepare(unroll, self.optimizer)
        decay = teaching.average
        self.average = None if decay is None else build_average(self.system, decay)
        self.done, self.validated, self.best = 0, 0, -math.inf
        self.skipped = Skipped(self.sources.count)
        self.log: Log | None = None

    @property
    def files(self) -> dict[Path, list[Path]]:
        """Of each folder of data the files in use, those to validate on among them."""
        files = {root: list(own) for root, own in self.sources.files.items()}
        if self.sources.proposed is not None:
            files[self.sources.proposed.folder] = self.sources.proposed.files
        for root, own in self.validator.files.items() if self.validator else ():
            files.setdefault(root, []).extend(own)
        return files

    def facts(self) -> dict[str, Any]:
        """Code, packages, machine and data of this run."""
        return {
            "code": code_facts(),
            "versions": version_facts(),
            "machine": machine_facts(self.processes.count),
            "data": data_facts(self.files),
            "weights": weight_facts(list(self.recipe.weights.values())),
        }

    def run(self, report: Report = lambda done, steps, note: None) -> None:
        """Train to the end of the recipe; an interrupt lets the step end, saves, and is raised again."""
        try:
            # the caller's random numbers are his own
            with Interrupt() as interrupt, torch.random.fork_rng(devices=range(torch.cuda.device_count())):
                self.log = Log(self.out, self._columns(), self.done, self.validated) if self.main else None
                self._between(interrupt)
                steps = self._steps()
                while (ready := self.processes.together(partial(next, steps, None))) is not None:
                    number, parts = ready
                    self._skip(parts)
                    note = self._step(number, parts)
                    report(self.done, self.recipe.steps, note)
                    self._between(interrupt)
            if self.main:
                self._deliver(folder.MODEL, {})
        except OSError as error:
            raise OutputError(f"{self.out}: cannot be written ({error})") from error
        finally:
            if self.log is not None:
                self.log.close()
            self.processes.end()

    def _columns(self) -> list[str]:
        """What is told of every step beside its stage and seconds."""
        taught = [stage.teaching for stage in self.recipe.stages]
        names = [name for teaching in taught for name in (*teaching.losses, *teaching.auxiliary)]
        return list(dict.fromkeys(("loss", *names, "rate")))

    def _steps(self) -> Iterator[tuple[int, list[Loaded]]]:
        """The number of the stage, and this process's clips in parts, for every step that is left."""
        while self.done < self.recipe.steps:
            number, within = self.recipe.stage_at(self.done)
            stage = self.recipe.stages[number]
            own = (self.processes.own, self.processes.count)
            share = Share(range(within, stage.steps), stage.batch, stage.accumulate, own)
            yield from ((number, parts) for parts in load(self.clips[number], share, self.recipe.workers))

    def _skip(self, parts: Sequence[Loaded]) -> None:
        """Count the files that any process could not read. Raises InputError, in all, where they are too many."""
        messages = [message for part in parts for message in part.skipped]
        if not self.processes.any(bool(messages)):
            return
        for message in self.skipped.add(self.processes.gather(messages)):
            if self.log is not None:
                self.log.event(self.done + 1, "skipped", {"file": message})
                logging.getLogger("longtake").warning("%s; another clip was taken (%s so far)", message, self.skipped)
        self.skipped.check()

    def _step(self, number: int, parts: Sequence[Loaded]) -> str:
        """One step of the optimiser, over all parts of its clips; returns a note on it."""
        started, stage = time.perf_counter(), self.recipe.stages[number]
        within = self.recipe.stage_at(self.done)[1]
        rate = set_rates(self.optimizer, stage, within)
        seed_step(self.recipe.seed, self.done, self.processes.own)
        self.prepared.zero_grad()
        figures = dict.fromkeys(self._columns(), 0.0)
        for i, part in enumerate(parts):
            late = stage.shape_at(within).late
            batch = make_batch(part.images, part.ids, self.processes.device, self.dtype, late, part.proposals)
            last = i + 1 == len(parts)
            # gradients are shared among processes once, with the last part
            with nullcontext() if last else self.accelerator.no_sync(self.unroll):
                found, outputs = objective(self.unroll, stage.teaching, within / stage.steps, batch)
                self.accelerator.backward(found["loss"] / len(parts))
            for name, value in found.items():
                figures[name] += value.item() / len(parts)
        figures = self.processes.mean(figures) | {"rate": rate}
        if not math.isfinite(figures["loss"]):
            raise InputError(f"{self.out}: the loss is {figures['loss']} at step {self.done}; lower the stage's rate")
        rest(self.optimizer)
        if stage.teaching.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self.unroll.parameters(), stage.teaching.clip_norm)
        self.prepared.step()
        if self.average is not None:
            self.average.update_parameters(self.system)
        self.done += 1
        if self.log is not None:
            self.log.step(self.done, stage.name, figures, time.perf_counter() - started)
            if self.done % self.recipe.pictures_every == 0:
                write_picture(self.out / "pictures" / f"{self.done:07d}.png", batch, outputs)
        return f"loss {figures['loss']:.3f}"

    def _between(self, interrupt: Interrupt) -> None:
        """What is done between steps: saving, validation, and stopping where that was asked for."""
        stop, due = self.processes.any(interrupt.asked is not None), self._validation_is_due()
        if self.done and (self.done % self.recipe.save_every == 0 or self.done == self.recipe.steps or stop or due):
            self.processes.together(self.save)
        if due and not stop:
            self.processes.together(partial(self._validate, interrupt))
            stop = self.processes.any(interrupt.asked is not None)
        if stop:
            raise KeyboardInterrupt

    def _validation_is_due(self) -> bool:
        if self.validator is None or self.done <= self.validated:
            return False
        return self.done % self.validator.how.every == 0 or self.done == self.recipe.steps

    def _validate(self, interrupt: Interrupt) -> None:
        """Score the averaged weights in the first process; keep them where they are the best so far."""
        assert self.validator is not None
        if self.log is not None:
            run = Runtime(self.processes.device, torch.float32)
            try:
                figures = self.validator.score(self._averaged(), run, self.out, lambda: interrupt.asked is not None)
            except StoppedError:
                return
            figure = figures[self.validator.how.figure]
            if figure > self.best:
                self.best = figure
                self._deliver(folder.BEST, figures)
            self.log.event(self.done, "validation", figures, "validation")
        self.validated = self.done
        self.save()

    def _averaged(self) -> AnySystem:
        """The weights that are delivered, in float32, apart from those that are trained."""
        source = self.system if self.average is None else self.average.module
        system = build_system(self.recipe, weights=False)
        system.load_state_dict(source.state_dict())
        return system.to(self.processes.device)

    def _deliver(self, name: str, figures: dict[str, float]) -> None:
        card = Card(
            self.recipe.model,
            self.recipe.options,
            data={**dict.fromkeys((root.name for root in self.job.data), NOT_STATED), **self.recipe.data},
            training=f"{self.done} steps",
            figures=figures,
            note=flow_licence(self.recipe.flow),
        )
        if self.start is not None:
            card = following(self.start, card)
        save_checkpoint(self.out / name, self._averaged().state_dict(), card)

    def save(self) -> None:
        """Write checkpoint.pt, whole or not at all; the first process does it."""
        if self.main:
            scaler = self.accelerator.scaler
            state = {
                "done": self.done,
                "validated": self.validated,
                "best": self.best,
                "skipped": self.skipped.found,
                "system": self.system.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
            }
            folder.save(self.out, state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what checkpoint.pt holds. Raises CheckpointError where it does not fit."""
        try:
            self.done, self.validated, self.best = state["done"], state["validated"], state["best"]
            self.skipped.found = state["skipped"]
            self.system.load_state_dict(state["system"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(state["scaler"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            path = self.out / folder.CHECKPOINT
            raise CheckpointError(f"{path}: cannot be resumed ({error}); start again in another folder") from error


def seed_step(seed: int, step: int, process: int) -> None:
    """Make the random numbers of a step follow from these three alone."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1))
