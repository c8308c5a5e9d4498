"""Compare: finished runs side by side, as the command of that name does it; nothing is scored again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtake.errors import SettingError
from longtake.evaluation.evaluate import FEW, Difference, difference
from longtake.evaluation.finished import Finished, called, read_finished
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.results import ObjectResult

MOST = 5
"""Objects that are named as best or as worst."""


@dataclass(frozen=True)
class Change:
    """An object in a run, and in the first one."""

    ours: ObjectResult
    base: ObjectResult

    @property
    def gain(self) -> float:
        """The difference in J&F."""
        return self.ours.overall - self.base.overall


@dataclass(frozen=True)
class Comparison:
    """Runs over the same objects under one protocol, and how each of the others differs from the first."""

    protocol: Protocol
    runs: Sequence[Finished]
    differences: Sequence[Difference]
    notes: Sequence[str]

    @property
    def attributes(self) -> list[str]:
        """Those with figures in every run, in the first one's order."""
        first, *others = self.runs
        return [code for code in first.by_attribute if all(code in run.by_attribute for run in others)]

    def changes(self, run: Finished) -> list[Change]:
        """Every object of a run against the first run's, what gained most first."""
        pairs = zip(run.result.objects, self.runs[0].result.objects, strict=True)
        return sorted((Change(ours, base) for ours, base in pairs), key=lambda change: -change.gain)


def compare(paths: Sequence[Path]) -> Comparison:
    """Compare the folders of finished benchmarks, or files as evaluate --json writes them, with the first of them.

    Raises InputError where a run cannot be read, SettingError where they are not of the same data and protocol.
    """
    names = called(paths)
    runs = [run for path, name in zip(paths, names, strict=True) for run in read_finished(path, name)]
    if len(runs) < 2:
        raise SettingError(f"{paths[0]}: one run alone; name those to compare it with")
    for run in runs[1:]:
        _check(run, runs[0])
    differences = [difference(run.result, runs[0].result) for run in runs[1:]]
    return Comparison(runs[0].protocol, runs, differences, _notes(runs))


def _check(run: Finished, base: Finished) -> None:
    """Raises SettingError where two runs are not of the same protocol, objects and frames."""
    rules, others = (each.protocol.name + (", as published" if each.protocol.repeats else "") for each in (run, base))
    if rules != others:
        raise SettingError(
            f"{run.path} was scored by {rules}, {base.path} by {others}; score both by the same protocol"
        )
    ours, theirs = (
        {thing.name: (thing.group, thing.track.frames) for thing in each.result.objects} for each in (run, base)
    )
    flaws = [f"lacks {name}" for name in theirs if name not in ours]
    flaws += [f"has {name} more" for name in ours if name not in theirs]
    flaws += [
        f"has other frames or another group of {name}"
        for name in theirs
        if ours.get(name, theirs[name]) != theirs[name]
    ]
    if flaws:
        more = f" and {len(flaws) - 1} differences more" if len(flaws) > 1 else ""
        raise SettingError(f"{run.path} {flaws[0]}{more}, against {base.path}; compare runs of the same data and split")
    if list(ours) != list(theirs):
        raise SettingError(f"{run.path} has the objects of {base.path} in another order; score both anew")


def _notes(runs: Sequence[Finished]) -> list[str]:
    found = []
    if (count := len({thing.video for thing in runs[0].result.objects})) < FEW:
        found.append(f"intervals of {count} videos are rough")
    machines = {run.means for run in runs if run.memory is not None}
    if len(machines) > 1:
        found.append(
            f"speed and memory are of different machines, or measured differently: {'; '.join(sorted(machines))}"
        )
    if any(run.by_attribute for run in runs) and not all(run.by_attribute for run in runs):
        found.append("not every run has figures by attribute, so they are left out")
    return found
