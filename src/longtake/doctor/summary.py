"""Many videos in a few lines: how many, of what sizes, how they are annotated, which objects come and go."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from longtake.doctor.seen import Seen
from longtake.evaluation.folded import counted, some

SIZES = 4
"""Sizes that are told one by one."""

FIRST_ONLY = "only where objects come"


def facts(videos: Sequence[Seen]) -> dict[str, str]:
    """What there is, by name."""
    frames = sum(len(seen.video.frames) for seen in videos)
    masks = sum(len(seen.video.masks) for seen in videos)
    found = {"videos": f"{len(videos):,}"}
    if frames:
        found["frames"] = f"{frames:,}"
    found["sizes"] = _sizes(videos)
    if masks:
        found["masks"] = f"{masks:,}{_by_video(filter(None, map(cover, videos)))}"
        found["objects"] = _objects(videos)
        found |= _comings(videos)
        if empty := sum(not ids for seen in videos for ids in seen.ids.values()):
            found["no object in"] = counted(empty, "mask")
    return {name: value for name, value in found.items() if value}


def notes(videos: Sequence[Seen]) -> list[str]:
    """What is good to know."""
    found = []
    if gaps := [seen.video.name for seen in videos if _gaps(seen)]:
        found.append(f"ids are not 1, 2, 3, ... in {counted(len(gaps), 'video')}: {some(gaps)}")
    if void := [seen for seen in videos if seen.void]:
        masks = counted(sum(len(seen.void) for seen in void), "mask")
        found.append(
            f"value 255, which is no object but void, in {masks} of {counted(len(void), 'video')}: "
            f"{some([seen.video.name for seen in void])}"
        )
    return found


def cover(seen: Seen) -> str:
    """Which frames of a video have a mask, in words; nothing where that cannot be told."""
    names = list(seen.video.frames)
    at = [place for place, name in enumerate(names) if name in seen.video.masks]
    if not at:
        numbers = [int(name) for name in seen.video.masks if name.isdecimal()]
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        return f"numbers in steps of {steps.pop()}" if len(steps) == 1 and steps != {1} else ""
    if len(at) == len(names):
        return "every frame"
    if seen.first_only:
        return FIRST_ONLY
    steps = {b - a for a, b in itertools.pairwise(at)}
    return f"one frame in {steps.pop()}" if len(steps) == 1 and steps != {1} else "some frames"


def _sizes(videos: Sequence[Seen]) -> str:
    """The size that most images of a video have, over the videos."""
    known = [list((seen.sizes or seen.shapes).values()) for seen in videos]
    sizes = Counter(Counter(own).most_common(1)[0][0] for own in known if own)
    if len(sizes) <= SIZES:
        return _listing([f"{width}x{height}" for height, width in sizes.elements()])
    heights, widths = zip(*sizes, strict=True)
    (height, width), count = sizes.most_common(1)[0]
    span = f"{min(widths)} to {max(widths)} by {min(heights)} to {max(heights)} pixels"
    return f"{len(sizes)}, {span}; most often {width}x{height} ({counted(count, 'video')})"


def _by_video(words: Iterable[str]) -> str:
    listing = _listing(list(words))
    return f", {listing}" if listing else ""


def _listing(words: Sequence[str]) -> str:
    """Each word, with the number of videos where there are several words."""
    counts = Counter(words)
    if len(counts) <= 1:
        return "".join(counts)
    return ", ".join(f"{word} ({counted(count, 'video')})" for word, count in counts.most_common())


def _objects(videos: Sequence[Seen]) -> str:
    count = sum(len(seen.objects) for seen in videos)
    ids = sorted({i for seen in videos for i in seen.objects})
    if not ids:
        return "none"
    span = f"ids {ids[0]} to {ids[-1]}" if len(ids) > 1 else f"id {ids[0]}"
    most = max(len(seen.objects) for seen in videos)
    return f"{count:,}, {span}, at most {most} in a video"


def _comings(videos: Sequence[Seen]) -> dict[str, str]:
    """How many objects come late, leave and return, and in how many videos."""
    late, leave, back = Counter[str](), Counter[str](), Counter[str]()
    for seen in videos:
        followed = cover(seen) != FIRST_ONLY
        for i, first in seen.objects.items():
            late[seen.video.name] += first != next(iter(seen.ids))
            if followed:
                there = [i in ids for ids in seen.ids.values()]
                there = there[there.index(True) :]
                leave[seen.video.name] += not all(there)
                back[seen.video.name] += (False, True) in itertools.pairwise(there)
    words = {"come late": late, "leave": leave, "leave and return": back}
    return {name: _in_videos(counts) for name, counts in words.items() if counts.total()}


def _in_videos(counts: Counter[str]) -> str:
    return f"{counted(counts.total(), 'object')} in {counted(sum(map(bool, counts.values())), 'video')}"


def _gaps(seen: Seen) -> bool:
    ids = sorted(seen.objects)
    return bool(ids) and ids != list(range(1, len(ids) + 1)) and ids != [255]
