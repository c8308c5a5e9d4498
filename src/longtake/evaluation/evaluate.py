"""Evaluate: predictions against annotations under a protocol, as the command of that name does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longtake.data.dataset import Dataset, masks_by_video
from longtake.data.layouts import open_dataset
from longtake.errors import InputError
from longtake.evaluation.attributes import COMPUTED, Labels, attributes_of, labelled, sources
from longtake.evaluation.bootstrap import Interval, intervals, paired
from longtake.evaluation.folded import counted
from longtake.evaluation.groups import grouping
from longtake.evaluation.pool import Report, score_videos
from longtake.evaluation.protocols import Protocol, find_protocol
from longtake.evaluation.reading import Run, by_number
from longtake.evaluation.results import AttributeResult, ObjectResult, by_attribute, object_result, totals
from longtake.evaluation.windows import has_truth

FEW = 10
"""Videos below which bootstrap intervals are too narrow to be taken at their word."""


@dataclass(frozen=True)
class RunResult:
    """One set of predictions: the figures of its objects, the global ones, and their intervals."""

    name: str
    files: Run
    objects: Sequence[ObjectResult]
    totals: Mapping[str, float]
    intervals: Mapping[str, Interval]
    by_attribute: Mapping[str, AttributeResult] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A run against the first one: differences of the global figures, their intervals, objects better and worse."""

    name: str
    figures: Mapping[str, float]
    intervals: Mapping[str, Interval]
    better: int
    worse: int


@dataclass(frozen=True)
class Evaluation:
    """All that came out."""

    protocol: Protocol
    dataset: Dataset
    runs: Sequence[RunResult]
    differences: Sequence[Difference]
    notes: Sequence[str] = field(default_factory=list)
    attributes: Mapping[str, Labels] = field(default_factory=dict)
    """Of the videos of which they are known."""


def evaluate(
    annotations: Path | Dataset,
    predictions: Path | Mapping[str, Path],
    protocol: str | Protocol,
    *,
    split: str | None = None,
    unseen: Path | None = None,
    attributes: str | Path | None = None,
    workers: int | None = 1,
    report: Report = lambda done, count: None,
) -> Evaluation:
    """Score predictions, or several runs of them by name.

    annotations: a data set, one of its splits, or a folder per video. predictions: a folder per video with a mask per
    frame. unseen: videos or categories that count as unseen. attributes: a file with those of each video, or "computed"
    for those that masks tell of where the data set has none. workers: processes, None for as many as help (a script
    that asks for several needs `if __name__ == "__main__":`). Raises UnfitError naming everything in the files that
    keeps them from being scored, InputError where there are none.
    """
    rules = find_protocol(protocol) if isinstance(protocol, str) else protocol
    dataset = annotations if isinstance(annotations, Dataset) else open_dataset(annotations, split, rules.year)
    if rules.objects == "metadata" and dataset.layout != "lvos":
        raise InputError(f"{dataset.root}: {rules.name} needs LVOS's metadata; this is laid out as {dataset.layout}")
    if not has_truth(dataset.videos):
        raise InputError(
            f"{dataset.root}: first masks only, so there is nothing to compare with; hand predictions in with: "
            "longtake export"
        )
    dataset = labelled(dataset, attributes)
    group, notes = grouping(dataset, rules, unseen)
    paths = {"predictions": predictions} if isinstance(predictions, Path) else predictions
    names = [video.name for video in dataset.videos]
    files = {run: masks_by_video(path, names) for run, path in paths.items()}
    notes += _match(dataset, files)
    scores = score_videos(dataset.videos, files, rules, workers, report)
    labels = attributes_of(dataset.videos, attributes == COMPUTED, rules, workers, report)
    codes = {name: known.codes for name, known in labels.items()}
    runs = []
    for run, own in files.items():
        objects = [
            object_result(video.name, i, group(video, i), track, rules)
            for video, found in zip(dataset.videos, scores, strict=True)
            for i, track in found.tracks[run].items()
        ]
        if not objects:
            why = next((note for video in scores for note in video.notes), "")
            raise InputError(f"{dataset.root}: no frame of any object counts for {rules.name} ({why})")
        parts = by_attribute(objects, codes, rules)
        runs.append(RunResult(run, own, objects, totals(objects, rules), intervals(objects), parts))
    notes += [*_remarks(dataset, rules, runs[0]), *sources(labels), *(note for video in scores for note in video.notes)]
    return Evaluation(rules, dataset, runs, [difference(run, runs[0]) for run in runs[1:]], notes, labels)


def _match(dataset: Dataset, files: Mapping[str, dict[str, dict[str, Path]]]) -> list[str]:
    """Puts predictions under the names of the frames that have their numbers, and tells of it."""
    found = []
    for run, own in files.items():
        named = {video.name: by_number(video, own[video.name]) for video in dataset.videos if video.name in own}
        if changed := [name for name, frames in named.items() if frames.keys() != own[name].keys()]:
            ours, theirs = next(
                pair for pair in zip(own[changed[0]], named[changed[0]], strict=True) if len({*pair}) > 1
            )
            found.append(f"{run}: frames of {counted(len(changed), 'video')} matched by number: {ours} is {theirs}")
        own.update(named)
    return found


def _remarks(dataset: Dataset, rules: Protocol, run: RunResult) -> list[str]:
    """What is unusual about the figures as a whole."""
    found = []
    if rules.year and dataset.year and dataset.year != rules.year:
        found.append(f"no ImageSets/{rules.year}/{dataset.split}.txt, so the list of {dataset.year} was taken")
    if dataset.layout == "youtube-vos" and rules.objects != "all":
        found.append(f"{rules.name} on data laid out as YouTube-VOS, whose own protocol is youtube-vos-proxy")
    if run.intervals and (count := len({thing.video for thing in run.objects})) < FEW:
        found.append(f"intervals of {count} videos are rough")
    if not run.intervals:
        found.append("no intervals: too few videos, or too few of those with seen or with unseen objects")
    return found


def difference(run: RunResult, base: RunResult) -> Difference:
    """How a run differs from another over the same objects."""
    pairs = list(zip(run.objects, base.objects, strict=True))
    return Difference(
        run.name,
        {name: value - base.totals[name] for name, value in run.totals.items()},
        paired(run.objects, base.objects),
        sum(ours.overall > theirs.overall for ours, theirs in pairs),
        sum(ours.overall < theirs.overall for ours, theirs in pairs),
    )
