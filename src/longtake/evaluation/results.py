"""What a benchmark reports: figures of each object, and their means over all, as the protocol takes them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longtake.data.attributes import Codes, in_order
from longtake.evaluation.groups import ALL, SEEN, UNSEEN
from longtake.evaluation.protocols import Defect, Protocol
from longtake.evaluation.scoring import Track
from longtake.evaluation.statistics import decay, mean, recall, stability

MEASURES = ("J", "J_recall", "J_decay", "F", "F_recall", "F_decay", "V")
"""The figures of an object, in this order everywhere."""


@dataclass(frozen=True)
class ObjectResult:
    """An object's figures by name, and its values per frame."""

    video: str
    id: int
    group: str
    track: Track
    figures: Mapping[str, float]

    @property
    def name(self) -> str:
        """Unique among all objects."""
        return f"{self.video}/{self.id}"

    @property
    def overall(self) -> float:
        """J&F of the object."""
        return (self.figures["J"] + self.figures["F"]) / 2


@dataclass(frozen=True)
class AttributeResult:
    """Means over the objects of the videos that have an attribute."""

    videos: int
    objects: int
    figures: Mapping[str, float]


def object_result(video: str, name: int, group: str, track: Track, protocol: Protocol) -> ObjectResult:
    """The figures of an object from its values per frame."""
    wrapped, constant = Defect.WRAPPED_DECAY in protocol.repeats, Defect.NO_DECAY in protocol.repeats
    figures = {}
    for measure, values in (("J", track.j), ("F", track.f)):
        figures[measure] = mean(values)
        figures[f"{measure}_recall"] = recall(values)
        figures[f"{measure}_decay"] = 0.0 if constant else decay(values, wrapped)
    figures["V"] = stability(track.j, track.f, Defect.ROUNDED in protocol.repeats)
    return ObjectResult(video, name, group, track, figures)


def totals(objects: Sequence[ObjectResult], protocol: Protocol) -> dict[str, float]:
    """The global figures: means over objects, or over the objects of each group and then over the groups."""
    groups = [name for name in (ALL, SEEN, UNSEEN) if any(thing.group == name for thing in objects)]
    by_group = {
        name: {m: mean([thing.figures[m] for thing in objects if thing.group == name]) for m in MEASURES}
        for name in groups
    }
    over = {measure: mean([figures[measure] for figures in by_group.values()]) for measure in MEASURES}
    if Defect.LAST_STABILITY in protocol.repeats and objects:
        over["V"] = objects[-1].figures["V"]
    out = {"J&F": (over["J"] + over["F"]) / 2, **over}
    if groups != [ALL]:
        out |= {f"{m}_{name}": by_group.get(name, {}).get(m, math.nan) for name in (SEEN, UNSEEN) for m in "JFV"}
    if not protocol.stability:
        out = {name: value for name, value in out.items() if not name.startswith("V")}
    return out


def by_attribute(
    objects: Sequence[ObjectResult], attributes: Mapping[str, Codes], protocol: Protocol
) -> dict[str, AttributeResult]:
    """For each attribute that a scored video has, means over all objects of such videos, whatever their group.

    attributes: of each video.
    """
    measures = ("J", "F", "V") if protocol.stability else ("J", "F")
    out = {}
    for code in in_order(code for thing in objects for code in attributes.get(thing.video, ())):
        things = [thing for thing in objects if code in attributes.get(thing.video, ())]
        figures = {measure: mean([thing.figures[measure] for thing in things]) for measure in measures}
        overall = {"J&F": (figures["J"] + figures["F"]) / 2}
        out[code] = AttributeResult(len({thing.video for thing in things}), len(things), overall | figures)
    return out
