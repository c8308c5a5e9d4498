"""What annotating a video took: seconds and strokes by frame and object, by step, and beside the figures of LVOS."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace

CORRECTED: Mapping[str, float] = {"2": 0.30, "4": 0.40}
"""The share of frames that LVOS's annotators had to correct in either step by hand (section 3.2)."""

MINUTES_PIPELINE, MINUTES_BY_HAND, FRAMES = 60, 1500, 500
"""What a video of so many frames took LVOS's annotators in these steps, and drawn by hand (section 3.2)."""

STEPS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Event:
    """Work on a frame: an edit of an object, or a look (no object, no strokes)."""

    frame: int
    object: int | None
    step: int
    annotator: str
    seconds: float
    strokes: int = 0


@dataclass(frozen=True)
class Row:
    """All the work of a person on an object of a frame in a step; object: None for looking."""

    frame: int
    object: int | None
    step: int
    annotator: str
    seconds: float
    strokes: int


@dataclass(frozen=True)
class Step:
    """The work of a step."""

    step: int
    frames: int
    """That have masks."""
    corrected: int
    """Of them, those on which somebody corrected an object."""
    share: float | None
    """Of the corrected among them; None where there are none."""
    seconds: float
    strokes: int


@dataclass(frozen=True)
class Paper:
    """LVOS's figures, to compare with."""

    corrected: Mapping[str, float]
    minutes_pipeline: int
    minutes_by_hand: int
    frames: int


@dataclass(frozen=True)
class Effort:
    """The work on a video."""

    rows: list[Row]
    steps: list[Step]
    minutes: float
    minutes_per_500_frames: float | None
    """None where no frame is annotated yet."""
    paper: Paper = Paper(CORRECTED, MINUTES_PIPELINE, MINUTES_BY_HAND, FRAMES)


def effort(
    events: Iterable[Event], frames: Mapping[int, Collection[int]], corrected: Collection[int], annotated: int
) -> Effort:
    """The work on a video, summed.

    frames: by step, those of its frames that have masks (coarse ones for 1 and 2, the others for 3 and 4; steps may be
    missing). corrected: frames with an object whose mask somebody corrected. annotated: how many frames are done, from
    which the time for 500 is extrapolated.
    """
    sums = dict[tuple[int, int | None, int, str], tuple[float, int]]()
    for event in events:
        key = event.frame, event.object, event.step, event.annotator
        seconds, strokes = sums.get(key, (0.0, 0))
        sums[key] = seconds + event.seconds, strokes + event.strokes
    found = [Row(*key, *sums[key]) for key in sorted(sums, key=lambda key: (key[0], key[2], key[1] or 0, key[3]))]
    minutes = sum(row.seconds for row in found) / 60
    wrong = frozenset(corrected)
    steps = [_step(step, found, frozenset(frames.get(step, ())), wrong) for step in STEPS]
    return Effort(found, steps, minutes, FRAMES * minutes / annotated if annotated else None)


def _step(step: int, found: Iterable[Row], frames: frozenset[int], corrected: frozenset[int]) -> Step:
    own = [row for row in found if row.step == step]
    wrong = len(frames & corrected)
    seconds, strokes = sum(row.seconds for row in own), sum(row.strokes for row in own)
    return Step(step, len(frames), wrong, wrong / len(frames) if frames else None, seconds, strokes)


def effort_csv(videos: Mapping[str, Iterable[Row]]) -> str:
    """The rows of videos by name as a table with a heading; empty in the column of the object for looking."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["video", *(column.name for column in fields(Row))])
    rounded = ((video, replace(row, seconds=round(row.seconds, 3))) for video, rows in videos.items() for row in rows)
    table.writerows((video, *astuple(row)) for video, row in rounded)
    return file.getvalue()
