"""Describe: the statistics of a data set as LVOS gives its own (Hong et al., table 1, figures 2 and 3).

Everything is counted from one pass over the masks, in which no mask is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from longtake.data.attributes import in_order
from longtake.data.dataset import Dataset
from longtake.data.layouts import open_dataset, open_splits
from longtake.errors import UnfitError
from longtake.evaluation.attributes import Labels, from_masks, from_people, labelled
from longtake.evaluation.observed import Observed, observe
from longtake.evaluation.pool import Report, over_videos

RATES: Mapping[str, float] = {"davis": 24, "youtube-vos": 6, "lvos": 6}
"""Layout -> frames per second."""

ALL_FRAMES = "_all_frames"
"""How splits of YouTube-VOS end that hold all 30 frames of a second."""


@dataclass(frozen=True)
class Statistics:
    """A row of table 1. Durations are in minutes; None where the frame rate, or any category, is not known."""

    videos: int
    shortest: int
    longest: int
    frames: int
    rate: float | None
    classes: int | None
    objects: int
    annotated: int
    """Frames with a mask image, whether or not it shows an object."""
    annotations: int
    """Masks of single objects."""
    captions: int
    """Objects described in words."""

    @property
    def mean_frames(self) -> float:
        """Of a video."""
        return self.frames / self.videos

    @property
    def duration(self) -> float | None:
        """Of all videos together, in minutes."""
        return None if self.rate is None else self.frames / self.rate / 60

    @property
    def mean_duration(self) -> float | None:
        """Of a video, in minutes."""
        return None if self.duration is None else self.duration / self.videos


@dataclass(frozen=True)
class Category:
    """Objects of a kind, and their masks; the category above is None where it is not known."""

    name: str
    parent: str | None
    objects: int
    masks: int


@dataclass(frozen=True)
class Share:
    """An attribute: the videos that have it, of those of which it is known."""

    videos: int
    known: int

    @property
    def part(self) -> float:
        """Between 0 and 1."""
        return self.videos / self.known if self.known else 0.0


@dataclass(frozen=True)
class Description:
    """A data set, what its masks show, and the attributes of each video: those that count, and what masks tell."""

    dataset: Dataset
    rate: float | None
    observed: Sequence[Observed]
    labels: Mapping[str, Labels]
    told: Mapping[str, Labels]

    def statistics(self) -> Statistics:
        """The row of table 1."""
        lengths = [seen.frames for seen in self.observed]
        listed = [thing for video in self.dataset.videos for thing in video.objects.values()]
        return Statistics(
            videos=len(lengths),
            shortest=min(lengths),
            longest=max(lengths),
            frames=sum(lengths),
            rate=self.rate,
            classes=len({thing.category for thing in listed if thing.category}) or None,
            objects=sum(len(seen.objects) for seen in self.observed),
            annotated=sum(seen.masks for seen in self.observed),
            annotations=sum(thing.masks for seen in self.observed for thing in seen.objects.values()),
            captions=sum(thing.caption is not None for thing in listed),
        )

    def categories(self) -> list[Category]:
        """Those of the objects that have masks, the most frequent first (figure 2)."""
        objects, masks = Counter[tuple[str, str | None]](), Counter[tuple[str, str | None]]()
        for video, seen in zip(self.dataset.videos, self.observed, strict=True):
            for i, thing in seen.objects.items():
                listed = video.objects.get(i)
                if listed is not None and listed.category:
                    objects[listed.category, listed.parent] += 1
                    masks[listed.category, listed.parent] += thing.masks
        return [Category(*kind, objects[kind], count) for kind, count in masks.most_common()]

    def shares(self) -> dict[str, Share]:
        """Each attribute that is known of any video (figure 3, a)."""
        codes = in_order(code for own in self.labels.values() for code in own.known)
        every = self.labels.values()
        return {
            code: Share(sum(code in own.codes for own in every), sum(code in own.known for own in every))
            for code in codes
        }

    def pairs(self) -> dict[str, dict[str, int]]:
        """In how many videos two attributes come together, or one is (figure 3, b)."""
        codes = [code for code, share in self.shares().items() if share.videos]
        own = [set(labels.codes) for labels in self.labels.values()]
        return {a: {b: sum(a in codes and b in codes for codes in own) for b in codes} for a in codes}

    def sizes(self) -> Counter[int]:
        """Masks by their share of the image, between observed.SIZES."""
        return sum((thing.sizes for seen in self.observed for thing in seen.objects.values()), Counter[int]())

    def absences(self) -> Counter[int]:
        """Absences between two appearances by their length in frames, between observed.ABSENCES."""
        return sum((thing.absences for seen in self.observed for thing in seen.objects.values()), Counter[int]())


def describe(
    root: Path | Dataset,
    split: str | None = None,
    *,
    attributes: Path | None = None,
    rate: float | None = None,
    workers: int | None = 1,
    report: Report = lambda done, count: None,
) -> Description:
    """Describe a data set, all its splits or one.

    attributes: a file with those of each video, which come before the data set's own; where there are neither, they
    are told from masks. rate: frames per second, None for what is known of the layout. workers: processes, None for as
    many as help. Raises InputError, and UnfitError naming every mask that cannot be read.
    """
    dataset = root if isinstance(root, Dataset) else open_dataset(root, split) if split else open_splits(root)
    dataset = labelled(dataset, attributes)
    bare = [video.name for video in dataset.videos if not video.frames and not video.masks]
    if bare:
        raise UnfitError([f"{dataset.root}: {name}: neither frames nor masks" for name in bare], "described")
    observed = over_videos(observe, dataset.videos, lambda video: (), workers, report)
    if problems := [problem for seen in observed for problem in seen.problems]:
        raise UnfitError(problems, "described")
    found = {seen.name: from_masks(seen, video) for seen, video in zip(observed, dataset.videos, strict=True)}
    told = {name: own for name, own in found.items() if own is not None}
    labels = told | from_people(dataset.videos)
    labels = {seen.name: labels[seen.name] for seen in observed if seen.name in labels}
    return Description(dataset, rate or _rate(dataset), observed, labels, told)


def _rate(dataset: Dataset) -> float | None:
    return 30 if dataset.split.endswith(ALL_FRAMES) else RATES.get(dataset.layout)
