"""What the metadata lists of a video, against its frames and masks."""

from collections.abc import Mapping

from longtake.data.metadata import Listed
from longtake.doctor.seen import Seen
from longtake.evaluation.folded import Folded
from longtake.evaluation.protocols import find_protocol
from longtake.evaluation.windows import windows


def check_listed(seen: Seen, first_only: bool) -> tuple[list[str], list[str]]:
    """Problems and notes. first_only: whether the masks are those in which objects come, as where servers score."""
    objects, flaws = seen.video.objects, Folded(seen.video.name)
    if not objects or not (seen.video.masks or seen.video.frames):
        return [], []
    _check_ids(seen, objects, flaws)
    _check_frames(seen, objects, flaws)
    if any(thing.frames for thing in objects.values()):
        return flaws.lines(), []
    _check_ranges(seen, objects, flaws)
    if first_only or not seen.video.masks:
        return flaws.lines(), []
    found = windows(seen.video, find_protocol("lvos-plain"))
    return flaws.lines() + found.problems, found.notes


def _check_ids(seen: Seen, objects: Mapping[int, Listed], flaws: Folded) -> None:
    known = ", ".join(map(str, sorted(objects)))
    for name, ids in seen.ids.items():
        for stray in sorted(set(ids) - set(objects)):
            flaws.add("mask", f"with id {stray}, which the metadata lacks (it has {known})", name)


def _check_frames(seen: Seen, objects: Mapping[int, Listed], flaws: Folded) -> None:
    """Frames listed by name: each has an image, and the object is in the mask of the first."""
    listed = sorted({name for thing in objects.values() for name in thing.frames})
    if seen.video.frames:
        flaws.add("frame", "in the metadata without an image", *[n for n in listed if n not in seen.video.frames])
    for i, thing in objects.items():
        first = min(thing.frames, default=None)
        if first is None or (first in seen.video.masks and first not in seen.ids):
            continue
        if i not in seen.ids.get(first, []):
            flaws.add("object", "not in the mask of the first frame that the metadata lists", f"{i} ({first})")


def _check_ranges(seen: Seen, objects: Mapping[int, Listed], flaws: Folded) -> None:
    """Frames listed by range: each has an image, where there are images."""
    numbers = {int(name) for name in seen.video.frames if name.isdecimal()}
    ranges = [thing.range.numbers for thing in objects.values() if thing.range]
    lacking = sorted({number for span in ranges for number in span} - numbers) if numbers else []
    flaws.add("frame", "in the ranges of the metadata without an image", *[f"{number:08d}" for number in lacking])
