"""Which objects of a video count under a protocol, and in which frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from longtake.data.dataset import Video
from longtake.data.labels import ids_in, read_labels
from longtake.data.metadata import Listed
from longtake.errors import LongtakeError
from longtake.evaluation.folded import Folded
from longtake.evaluation.protocols import Defect, Protocol

FOREGROUND = 1
"""The id of the one object where all foreground is one."""


@dataclass
class Windows:
    """Names of the frames in which each object counts, in order; what stands in the way; what is good to know."""

    frames: Mapping[int, list[str]]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def windows(video: Video, protocol: Protocol) -> Windows:
    """The frames that count, for each object of a video."""
    if not video.masks:
        return Windows({}, [f"{video.name}: no annotations"])
    found = _found(video, protocol)
    if not found.frames and not found.problems:
        found.problems.append(f"{video.name}: no object that {protocol.name} counts")
    for name, frames in found.frames.items():
        if not frames:
            found.notes.append(f"{video.name}: object {name} has no frame that {protocol.name} counts")
    return found


def _found(video: Video, protocol: Protocol) -> Windows:
    if protocol.window == "range":
        return _listed_ranges(video, protocol)
    names = list(video.masks)
    try:
        if protocol.window == "since first":
            first = first_masks(video)
            frames = {i: _ends(names[names.index(at) :], protocol) for i, at in sorted(first.items())}
            return Windows(frames, _contradictions(video, first))
        ids = [FOREGROUND] if protocol.objects == "foreground" else _ids_of_first(video, protocol)
    except LongtakeError as error:
        return Windows({}, [str(error)])
    return Windows({i: _ends(names, protocol) for i in ids})


def first_masks(video: Video) -> dict[int, str]:
    """The frame in which each id first has a mask. Raises MaskError."""
    first: dict[int, str] = {}
    for name, path in video.masks.items():
        for found in ids_in(read_labels(path)):
            first.setdefault(found, name)
    return first


def _contradictions(video: Video, first: Mapping[int, str]) -> list[str]:
    """Where metadata that lists frames by name does not fit the masks; without metadata nothing is contradicted."""
    if not video.objects:
        return []
    flaws, known = Folded(video.name), ", ".join(map(str, sorted(video.objects)))
    for i, name in first.items():
        if i not in video.objects:
            flaws.add("mask", f"with id {i}, which the metadata lacks (it has {known})", name)
    for i, thing in video.objects.items():
        if i not in first:
            flaws.add("object", "in the metadata without a mask", str(i))
        elif thing.frames and first[i] > thing.frames[0]:
            flaws.add("object", f"of the metadata without a mask before {first[i]}", f"{i} ({thing.frames[0]})")
    listed = {name for thing in video.objects.values() for name in thing.frames}
    if len(video.masks) > len(set(first.values())):
        flaws.add("frame", "in the metadata without an annotation", *sorted(listed - set(video.masks)))
    return flaws.lines()


def _ids_of_first(video: Video, protocol: Protocol) -> list[int]:
    ids = ids_in(read_labels(next(iter(video.masks.values()))))
    if Defect.PHANTOMS in protocol.repeats:
        return list(range(1, max(ids, default=0) + 1))
    return ids


def _ends(names: list[str], protocol: Protocol) -> list[str]:
    return names[int(protocol.skip_first) : len(names) - int(protocol.skip_last)]


def _listed_ranges(video: Video, protocol: Protocol) -> Windows:
    if not video.objects:
        return Windows({}, [f"{video.name}: the metadata lists no objects of it; {protocol.name} needs their ranges"])
    numbers = {int(name): name for name in video.masks if name.isdecimal()}
    out = Windows({})
    frames = {i: _listed_range(video, i, thing, numbers, out) for i, thing in sorted(video.objects.items())}
    return Windows({i: _ends(names, protocol) for i, names in frames.items()}, out.problems, out.notes)


def _listed_range(video: Video, name: int, thing: Listed, numbers: Mapping[int, str], out: Windows) -> list[str]:
    span = thing.range
    if span is None:
        out.problems.append(f"{video.name}: the metadata gives object {name} no frame_range")
        return []
    where = f"{video.name}: the metadata gives object {name} frames {span.start} to {span.end}"
    if not span.numbers:
        out.problems.append(f"{where}, which is none")
    if lacking := [number for number in span.numbers if number not in numbers]:
        out.problems.append(f"{where}, but {len(lacking)} of them have no annotation (first: {lacking[0]:08d})")
    if span.count is not None and span.count != len(span.numbers):
        out.notes.append(f"{where}, which are {len(span.numbers)}, and says they are {span.count}; the range counts")
    return [numbers[number] for number in span.numbers if number in numbers]
