"""Seen and unseen: which group an object belongs to, from a list of videos or categories that training never saw."""

from collections.abc import Callable
from pathlib import Path

from longtake.data.dataset import Dataset, Video
from longtake.errors import InputError, SettingError
from longtake.evaluation.protocols import Protocol

ALL, SEEN, UNSEEN = "all", "seen", "unseen"

LVOS_LIST = "unseen_videos.txt"

GroupOf = Callable[[Video, int], str]


def grouping(dataset: Dataset, protocol: Protocol, unseen: Path | None) -> tuple[GroupOf, list[str]]:
    """The group of each object, and what is good to know of it.

    unseen: a name a line. Videos' names are also looked for in unseen_videos.txt of the data set. Raises SettingError
    where LVOS's groups cannot be told, InputError where the list cannot be read.
    """
    if protocol.groups is None:
        return lambda video, name: ALL, [] if unseen is None else [
            f"{protocol.name} has no groups: {unseen} is not used"
        ]
    by_video = protocol.groups == "seen and unseen videos"
    if unseen is None and by_video:
        unseen = next((f / LVOS_LIST for f in (dataset.root, dataset.root.parent) if (f / LVOS_LIST).is_file()), None)
        if unseen is None:
            raise SettingError(f"{protocol.name} needs the list of unseen videos: --unseen FILE, a name a line")
    if unseen is None:
        return lambda video, name: ALL, ["no list of unseen categories (--unseen): all objects are one group"]
    names = _names(unseen)
    known = (
        {video.name for video in dataset.videos} if by_video else {c for v in dataset.videos for c in _categories(v)}
    )
    notes = (
        [] if names & known else [f"{unseen} names none of the {'videos' if by_video else 'categories'} scored here"]
    )

    def group(video: Video, name: int) -> str:
        if by_video:
            return UNSEEN if video.name in names else SEEN
        category = video.objects[name].category if name in video.objects else None
        if category is None:
            raise InputError(f"{video.name}: the metadata gives object {name} no category, so its group is unknown")
        return UNSEEN if category in names else SEEN

    return group, notes


def _names(path: Path) -> set[str]:
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of names, one a line ({error})") from error


def _categories(video: Video) -> list[str]:
    return [thing.category for thing in video.objects.values() if thing.category]
