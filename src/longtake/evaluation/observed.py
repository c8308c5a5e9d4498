"""What the masks of a video show of each object, gathered in one pass: how large it is, how it moves, when it is gone.

Frames are the annotated ones, by their place among them. What is kept does not grow with their number.
"""

import itertools
import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool

from longtake.data.dataset import Video
from longtake.data.labels import ids_in, white_in
from longtake.evaluation.protocols import Protocol, find_protocol
from longtake.evaluation.reading import Truth

SIZES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Shares of the image between which the sizes of masks are counted."""

ABSENCES = (2, 5, 10, 20, 50, 100, 200, 500)
"""Frames between which the lengths of absences are counted."""


@dataclass
class Shown:
    """An object as its masks show it so far."""

    masks: int = 0
    last: int = -1
    """Its last frame so far."""
    centroid: tuple[float, float] = (0.0, 0.0)
    """In that frame: x, y in pixels."""
    path: float = 0.0
    """Pixels that the centroid went from each frame to the next, where both have the object, all together."""
    steps: int = 0
    """Such pairs of frames."""
    box_shares: float = 0.0
    """The area of its box over that of the image, all together."""
    smallest_box: int = 0
    largest_box: int = 0
    """Areas in pixels."""
    longest_absence: int = 0
    """Frames without it between two with it."""
    sizes: Counter[int] = field(default_factory=Counter)
    """Masks by their share of the image: how many of SIZES it reaches."""
    absences: Counter[int] = field(default_factory=Counter)
    """Absences that ended, by their length: how many of ABSENCES it reaches."""

    def add(self, place: int, mask: Bool[np.ndarray, "h w"]) -> None:
        """Its mask in a later frame, which holds a pixel of it at least."""
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        moments = cv2.moments(mask[y : y + height, x : x + width].view(np.uint8), binaryImage=True)
        centroid = x + moments["m10"] / moments["m00"], y + moments["m01"] / moments["m00"]
        if self.masks:
            self._since(place - self.last - 1, centroid)
        box = width * height
        self.smallest_box = min(self.smallest_box or box, box)
        self.largest_box = max(self.largest_box, box)
        self.box_shares += box / mask.size
        self.sizes[bisect_right(SIZES, moments["m00"] / mask.size)] += 1
        self.masks, self.last, self.centroid = self.masks + 1, place, centroid

    def _since(self, absent: int, centroid: tuple[float, float]) -> None:
        """What lies between its last frame and this one."""
        if absent:
            self.longest_absence = max(self.longest_absence, absent)
            self.absences[bisect_right(ABSENCES, absent)] += 1
        else:
            self.path += math.dist(self.centroid, centroid)
            self.steps += 1


@dataclass
class Observed:
    """A video with its objects, and what is wrong with its files."""

    name: str
    frames: int
    masks: int = 0
    """Annotated frames."""
    objects: dict[int, Shown] = field(default_factory=dict)
    together: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of objects of the metadata that some frame shows both, the smaller id first."""
    empty: int = 0
    """Annotated frames without any object."""
    problems: list[str] = field(default_factory=list)

    @property
    def followed(self) -> bool:
        """Whether there is more than the first mask of each object, so that masks tell what becomes of it."""
        return self.masks > 1 and (self.empty > 0 or any(thing.masks > 1 for thing in self.objects.values()))


def observe(video: Video, protocol: Protocol | None = None) -> Observed:
    """A video's masks, a frame at a time.

    protocol: what counts as an object; None takes each id for one, and white for one where it stands alone.
    """
    if protocol is None:
        protocol = find_protocol("davis2016" if white_in(video.masks.values()) else "youtube-vos-proxy")
    truth, found = Truth(video, protocol, set()), Observed(video.name, len(video.frames) or len(video.masks))
    for place, name in enumerate(video.masks):
        read = truth.read(name)
        if read is None:
            continue
        labels, ids = read[0], ids_in(read[0])
        for i in ids:
            found.objects.setdefault(i, Shown()).add(place, labels == i)
        found.together.update(itertools.combinations(sorted(video.objects.keys() & ids), 2))
        found.masks += 1
        found.empty += not ids
    found.problems = truth.flaws.lines(video.name, "annotation")
    return found
