"""J and F of every object in every frame that counts, of one or several sets of predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Shaped

from longtake.data.dataset import Video
from longtake.evaluation.bits import Bits, Objects
from longtake.evaluation.boundary import Contour, Size, agreement
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.reading import Predicted, Run, Truth
from longtake.evaluation.region import overlap
from longtake.evaluation.windows import windows


@dataclass
class Track:
    """The frames of an object that count, in order, with J and F of each."""

    frames: list[str] = field(default_factory=list)
    j: list[float] = field(default_factory=list)
    f: list[float] = field(default_factory=list)

    def add(self, frame: str, j: float, f: float) -> None:
        """One frame more."""
        self.frames.append(frame)
        self.j.append(j)
        self.f.append(f)


@dataclass
class VideoScores:
    """A video under several runs: tracks by run and object; problems, with which no score means anything; notes."""

    name: str
    tracks: dict[str, dict[int, Track]]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Scored:
    """An object's mask in a frame, with its contour: made once, however many masks it is compared with."""

    def __init__(self, mask: Bits, size: Size) -> None:
        self.mask, self.contour = mask, Contour(mask, size)

    def against(self, truth: "Scored") -> tuple[float, float]:
        """J and F."""
        return overlap(self.mask, truth.mask), agreement(self.contour, truth.contour)


def score_frame(
    predictions: Sequence[Shaped[np.ndarray, "h w"]], truth: Shaped[np.ndarray, "h w"], ids: Sequence[int]
) -> list[dict[int, tuple[float, float]]]:
    """J and F of these objects of a frame, for each of its predictions; all are images of ids."""
    size, wanted = (truth.shape[0], truth.shape[1]), Objects(truth)
    truths = {i: Scored(wanted.cut(i), size) for i in ids}
    scores = []
    for prediction in predictions:
        found = Objects(prediction)
        scores.append({i: Scored(found.cut(i), size).against(truths[i]) for i in ids})
    return scores


def score_video(video: Video, runs: Mapping[str, Run], protocol: Protocol) -> VideoScores:
    """A video, a frame at a time. What is wrong with a file is collected, and keeps no other from being looked at."""
    counted = windows(video, protocol)
    tracks = {run: {i: Track() for i, frames in counted.frames.items() if frames} for run in runs}
    out = VideoScores(video.name, tracks, counted.problems, counted.notes)
    truth = Truth(video, protocol, set(counted.frames))
    several = len(runs) > 1
    predicted = {
        run: Predicted(files.get(video.name, {}), truth, run if several else "") for run, files in runs.items()
    }
    members = {i: set(frames) for i, frames in counted.frames.items()}
    needed = counted.needed
    for name in video.masks:
        read = truth.read(name)
        if read is None or name not in needed:
            continue
        found = {run: given.read(name, *read) for run, given in predicted.items()}
        usable = {run: labels for run, labels in found.items() if labels is not None}
        ids = [i for i, frames in members.items() if name in frames]
        for run, scores in zip(usable, score_frame(list(usable.values()), read[0], ids), strict=True):
            for i, (j, f) in scores.items():
                tracks[run][i].add(name, j, f)
    problems = truth.flaws.lines(video.name, "annotation")
    problems += [problem for given in predicted.values() for problem in given.problems()]
    out.problems = list(dict.fromkeys([*out.problems, *problems]))
    out.notes += [*truth.notes(), *(note for given in predicted.values() for note in given.notes())]
    return out
