"""Validation: the objects of a split are followed from their first masks and scored as a benchmark does it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from longtake.data.layouts import open_dataset
from longtake.engine.runtime import Runtime
from longtake.engine.step import rules_for
from longtake.errors import InputError
from longtake.evaluation.benchmark import Follower
from longtake.evaluation.evaluate import evaluate
from longtake.evaluation.protocols import find_protocol
from longtake.evaluation.speed import Stopwatch
from longtake.evaluation.windows import has_truth
from longtake.systems.protocol import AnySystem
from longtake.training.recipe import Validation
from longtake.video.sinks import LabelSink

PREDICTIONS = "validation"
"""The folder of a run that holds the masks of the last validation."""


class StoppedError(Exception):
    """A validation was broken off."""


class Validator:
    """The videos of a split. Raises InputError where there are none, or they cannot be scored."""

    def __init__(self, root: Path, how: Validation) -> None:
        self.how, self.protocol = how, find_protocol(how.protocol)
        self.data = open_dataset(root, how.split, self.protocol.year)
        if not has_truth(self.data.videos) or not all(video.frames for video in self.data.videos):
            raise InputError(f"{root}: split {how.split} lacks frames or masks, so nothing can be validated on it")

    @property
    def files(self) -> dict[Path, list[Path]]:
        """All frames and masks, by the data set's folder."""
        videos = self.data.videos
        return {self.data.root: [path for video in videos for path in (*video.frames.values(), *video.masks.values())]}

    def score(self, system: AnySystem, run: Runtime, out: Path, stop: Callable[[], bool]) -> dict[str, float]:
        """J&F, J, F and their kin. stop: asked before each frame; raises StoppedError where it says so."""
        shutil.rmtree(out / PREDICTIONS, ignore_errors=True)
        follower = Follower(system.eval(), rules_for(system), self.how.size, run)
        watch = Stopwatch(run.device)
        for video in self.data.videos:
            sink = LabelSink(out / PREDICTIONS / video.name)
            for prediction in follower.follow(video, self.protocol, watch):
                sink.write(prediction)
                if stop():
                    raise StoppedError
        result = evaluate(self.data, out / PREDICTIONS, self.protocol)
        return dict(result.runs[0].totals)


def find_validator(
    how: Validation | None, root: Path | None, data: Sequence[Path], notes: list[str]
) -> Validator | None:
    """What a recipe validates on: the given data set, or the first of the training data that has its split.

    None where there is neither, with a note that says why. Raises InputError where the given one does not do.
    """
    if how is None:
        return None
    if root is not None:
        return Validator(root, how)
    reasons = []
    for folder in data:
        try:
            return Validator(folder, how)
        except InputError as error:
            reasons.append(str(error))
    told = f" ({reasons[0]})" if reasons else ""
    notes.append(f"nothing is validated: no data has a split {how.split}{told}; name a data set with --validate")
    return None
