"""Seen and unseen: which group an object belongs to, from a list of videos or categories that training never saw."""

from collections.abc import Callable
from pathlib import Path

from longtake.data.dataset import Dataset, Video
from longtake.errors import InputError, SettingError
from longtake.evaluation.folded import some
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
    known = {video.name for video in dataset.videos} if by_video else _categories(dataset)
    what = "videos" if by_video else "categories"
    notes = [] if names & known else [f"{unseen} names none of the {what} scored here"]
    notes += [f"{unseen} names all of the {what} scored here"] if known <= names else []

    def group(video: Video, name: int) -> str:
        thing = video.objects.get(name)
        return UNSEEN if (video.name if by_video else thing and thing.category) in names else SEEN

    return group, notes


def _categories(dataset: Dataset) -> set[str]:
    """The categories of all objects. Raises InputError naming objects that have none."""
    things = {f"{video.name}/{i}": thing.category for video in dataset.videos for i, thing in video.objects.items()}
    without = [name for name, category in things.items() if not category]
    if without or not things:
        some_of = some(without) if without else "any object, for there is no metadata"
        raise InputError(f"{dataset.root}: no category of {some_of}; without --unseen all objects are one group")
    return {category for category in things.values() if category}


def _names(path: Path) -> set[str]:
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of names, one a line ({error})") from error
