"""Which objects of a video count under a protocol, and in which frames."""

from collections.abc import Iterable, Mapping
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
    unknown: list[str] = field(default_factory=list)
    """Frames that would count if the objects could be told."""

    @property
    def needed(self) -> set[str]:
        """All frames that count for any object."""
        return {*self.unknown, *(name for names in self.frames.values() for name in names)}


def windows(video: Video, protocol: Protocol) -> Windows:
    """The frames that count, for each object of a video."""
    if not video.masks:
        return Windows({}, [f"{video.name}: no annotations"])
    names = list(video.masks)
    try:
        found = _found(video, protocol, names)
    except LongtakeError as error:
        return Windows({}, [str(error)], unknown=_ends(names, protocol))
    if not found.frames and not found.problems:
        found.problems.append(_nothing(video, protocol))
    for name, frames in found.frames.items():
        if not frames:
            found.notes.append(f"{video.name}: object {name} has no frame that {protocol.name} counts")
    return found


def _found(video: Video, protocol: Protocol, names: list[str]) -> Windows:
    if protocol.window == "range":
        return _listed_ranges(video, protocol)
    if protocol.window == "since first":
        return _since_first(video, protocol, names)
    if protocol.objects == "foreground":
        return Windows({FOREGROUND: _ends(names, protocol)})
    return _of_first(video, protocol, names)


def _nothing(video: Video, protocol: Protocol) -> str:
    """Why no object counts."""
    first = next(iter(video.masks.values()))
    white = protocol.objects == "first mask" and (read_labels(first) != 0).any()
    hint = "its first mask holds 255 alone, which is void here; score it with davis2016" if white else ""
    return f"{video.name}: no object that {protocol.name} counts{f': {hint}' if hint else ''}"


def appearances(video: Video) -> dict[int, list[str]]:
    """The frames in which each id has a mask. Raises MaskError."""
    found: dict[int, list[str]] = {}
    for name, path in video.masks.items():
        for i in ids_in(read_labels(path)):
            found.setdefault(i, []).append(name)
    return found


def first_masks_only(video: Video, found: Mapping[int, list[str]] | None = None) -> bool:
    """Whether there is but the first mask of each object, as in splits that servers score: nothing to compare with.

    found: its `appearances`, where they are known. Raises MaskError.
    """
    if len(video.masks) < 2:
        return True
    found = appearances(video) if found is None else found
    first = {names[0] for names in found.values()}
    return all(len(names) == 1 for names in found.values()) and first == set(video.masks)


def has_truth(videos: Iterable[Video]) -> bool:
    """Whether any video has more than the first masks of its objects, so that there is something to compare with."""
    for video in videos:
        try:
            if not first_masks_only(video):
                return True
        except LongtakeError:
            return True  # what is wrong with it is told when it is scored
    return False


def _since_first(video: Video, protocol: Protocol, names: list[str]) -> Windows:
    found = appearances(video)
    if first_masks_only(video, found):
        return Windows({i: [] for i in found}, notes=[f"{video.name}: first masks only"])
    frames = {i: _ends(names[names.index(own[0]) :], protocol) for i, own in sorted(found.items())}
    return Windows(frames, *_contradictions(video, found))


def _contradictions(video: Video, found: Mapping[int, list[str]]) -> tuple[list[str], list[str]]:
    """Where metadata that lists frames by name does not fit the masks: problems and notes."""
    flaws, notes = Folded(video.name), Folded(video.name)
    if not video.objects:
        return [], []
    known = ", ".join(map(str, sorted(video.objects)))
    for i, own in found.items():
        if i not in video.objects:
            flaws.add("mask", f"with id {i}, which the metadata lacks (it has {known})", *own)
    for i, thing in video.objects.items():
        if i not in found:
            notes.add("object", "in the metadata without a mask", str(i))
        elif thing.frames and found[i][0] > thing.frames[0]:
            notes.add("object", f"of the metadata without a mask before {found[i][0]}", f"{i} ({thing.frames[0]})")
    listed = {name for thing in video.objects.values() for name in thing.frames}
    flaws.add("frame", "in the metadata without an annotation", *sorted(listed - set(video.masks)))
    return flaws.lines(), notes.lines()


def _of_first(video: Video, protocol: Protocol, names: list[str]) -> Windows:
    """Ids from 1 to the largest of the first mask; of those that it skips, the ones that come later."""
    ids, notes = ids_in(read_labels(next(iter(video.masks.values())))), list[str]()
    skipped = sorted(set(range(1, max(ids, default=0))) - set(ids))
    if skipped and Defect.PHANTOMS not in protocol.repeats:
        late = appearances(video)
        never = [i for i in skipped if i not in late]
        if never:
            notes.append(f"{video.name}: ids without any mask do not count: {', '.join(map(str, never))}")
        skipped = [i for i in skipped if i in late]
    return Windows({i: _ends(names, protocol) for i in sorted([*ids, *skipped])}, notes=notes)


def _ends(names: list[str], protocol: Protocol) -> list[str]:
    return names[int(protocol.skip_first) : len(names) - int(protocol.skip_last)]


def _listed_ranges(video: Video, protocol: Protocol) -> Windows:
    if not video.objects:
        return Windows({}, [f"{video.name}: the metadata lists no objects of it; {protocol.name} needs their ranges"])
    numbers = {int(name): name for name in video.masks if name.isdecimal()}
    out = Windows({})
    frames = {i: _listed_range(video, i, thing, numbers, out) for i, thing in video.objects.items()}
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
