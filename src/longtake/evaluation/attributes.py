"""The attributes of each video: given by people, or told from its masks by the definitions of LVOS (table 2)."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtake.data.attributes import ATTRIBUTES, Codes, in_order
from longtake.data.dataset import Dataset, Video
from longtake.data.metadata import read_attributes
from longtake.errors import InputError, UnfitError
from longtake.evaluation.folded import counted, some
from longtake.evaluation.observed import Observed, Shown, observe
from longtake.evaluation.pool import Report, over_videos
from longtake.evaluation.protocols import Protocol
from longtake.export.exchange import OBJECT

COMPUTED = "computed"
"""Asks for attributes told from masks, in place of a file."""

FAST = 20.0
"""Pixels per frame."""

LOW = 0.1
"""Of the image."""

SCALES = 2
"""How many times as large the largest box may be as the smallest."""

LONG = 100
"""Frames."""


def fast_motion(thing: Shown) -> bool:
    """Whether its centroid moves by more than 20 pixels per frame, on average over consecutive frames with it."""
    return thing.path > FAST * thing.steps


def low_resolution(thing: Shown) -> bool:
    """Whether its box has less than a tenth of the image, on average over the frames with it."""
    return thing.box_shares < LOW * thing.masks


def out_of_view(thing: Shown, frames: int) -> bool:
    """Whether any of the frames after its first lacks it. frames: how many the video has."""
    return thing.longest_absence > 0 or thing.last < frames - 1


def scale_variation(thing: Shown) -> bool:
    """Whether two of its boxes have areas whose ratio is outside of [0.5, 2]."""
    return thing.largest_box > SCALES * thing.smallest_box


def long_term_reappearance(thing: Shown) -> bool:
    """Whether it reappears after at least 100 frames without it."""
    return thing.longest_absence >= LONG


def cross_temporal_confusion(observed: Observed, categories: Mapping[int, str]) -> bool:
    """Whether two objects of one category are in no frame together."""
    pairs = itertools.combinations(sorted(observed.objects), 2)
    return any(categories[a] == categories[b] and (a, b) not in observed.together for a, b in pairs)


OF_OBJECTS: Mapping[str, Callable[[Shown, int], bool]] = {
    "FM": lambda thing, frames: fast_motion(thing),
    "LR": lambda thing, frames: low_resolution(thing),
    "OV": out_of_view,
    "SV": lambda thing, frames: scale_variation(thing),
    "LRA": lambda thing, frames: long_term_reappearance(thing),
}
"""Code -> whether an object, in a video of so many frames, has it."""


@dataclass(frozen=True)
class Labels:
    """The attributes of a video."""

    codes: Codes
    known: Codes
    """Those of which it is known whether the video has them."""
    given: bool
    """By people; else told from masks."""


def from_people(videos: Sequence[Video]) -> dict[str, Labels]:
    """Those that people gave, by video; who labelled one video knew all attributes of the table and of the others."""
    given = {video.name: video.attributes for video in videos if video.attributes is not None}
    known = in_order([*ATTRIBUTES, *(code for codes in given.values() for code in codes)])
    return {name: Labels(codes, known, given=True) for name, codes in given.items()}


def from_masks(observed: Observed, video: Video) -> Labels | None:
    """What masks tell: an attribute is a video's if it is any object's; None where there are but first masks.

    Cross-temporal confusion needs the category of every object.
    """
    if not observed.followed:
        return None
    things = observed.objects
    found = [code for code, has in OF_OBJECTS.items() if any(has(t, observed.masks) for t in things.values())]
    categories = {i: video.objects[i].category for i in things if i in video.objects}
    named = {i: category for i, category in categories.items() if category and category != OBJECT}
    if things.keys() != named.keys():
        return Labels(in_order(found), in_order(OF_OBJECTS), given=False)
    found += ["CTC"] if cross_temporal_confusion(observed, named) else []
    return Labels(in_order(found), in_order([*OF_OBJECTS, "CTC"]), given=False)


def labelled(dataset: Dataset, attributes: str | Path | None) -> Dataset:
    """The data set with the attributes of a file, which come before its own. Raises InputError."""
    if attributes is None or attributes == COMPUTED:
        return dataset
    path = Path(attributes)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; --attributes takes a JSON file with those of each video (evaluate and benchmark "
            "take `computed` as well)"
        )
    told = read_attributes(path)
    names = [video.name for video in dataset.videos]
    if not told.keys() & set(names):
        raise InputError(f"{path}: no attributes of any of the {counted(len(names), 'video')} here ({some(names)})")
    videos = [replace(video, attributes=told.get(video.name, video.attributes)) for video in dataset.videos]
    return replace(dataset, videos=videos)


def attributes_of(
    videos: Sequence[Video],
    compute: bool,
    protocol: Protocol | None = None,
    workers: int | None = 1,
    report: Report = lambda done, count: None,
) -> dict[str, Labels]:
    """By video, where they are known: those that people gave, and if asked for, from masks those of the other videos.

    Raises UnfitError naming every mask that cannot be read.
    """
    labels = from_people(videos)
    others = [video for video in videos if video.attributes is None] if compute else []
    seen = over_videos(observe, others, lambda video: (protocol,), workers, report) if others else []
    if problems := [problem for observed in seen for problem in observed.problems]:
        raise UnfitError(problems, "described")
    told = {video.name: from_masks(observed, video) for video, observed in zip(others, seen, strict=True)}
    labels |= {name: own for name, own in told.items() if own is not None}
    return {video.name: labels[video.name] for video in videos if video.name in labels}


def sources(labels: Mapping[str, Labels]) -> list[str]:
    """Which are people's and which are told from masks, in words."""
    given = [name for name, own in labels.items() if own.given]
    told = [name for name, own in labels.items() if not own.given]
    words = [f"attributes of {counted(len(given), 'video')} as people gave them"] if given else []
    if told:
        codes = ", ".join(in_order(code for name in told for code in labels[name].known))
        words.append(f"attributes of {counted(len(told), 'video')} told from masks, which tell of {codes} alone")
    return words
