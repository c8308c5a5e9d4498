"""A video as clips are drawn from it: its annotated frames, read through a cache, and what each shows."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from longtake.data.dataset import Video
from longtake.data.images import Ids, Rgb, Store
from longtake.data.labels import VOID, white_in
from longtake.data.proposed import Proposed
from longtake.data.samplers import ENOUGH, Footage
from longtake.errors import InputError


class VideoFootage(Footage):
    """The frames of a video that have a mask.

    spacing: how many frames of the video lie between two of them, as its names tell (5 in YouTube-VOS), so that gaps
    mean the same time in every data set.
    """

    def __init__(self, video: Video, store: Store, together: bool = False, proposed: Proposed | None = None) -> None:
        """together: whether all objects are one, as in DAVIS 2016. proposed: what was proposed in a frame."""
        self.proposed = proposed
        self.video, self.store, self.pairs, self.together = video, store, video.pairs, together
        self.spacing = _spacing([frame.stem for frame, _ in self.pairs])
        self._areas = dict[int, Mapping[int, int]]()

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def white(self) -> bool:
        """Whether 255 is the object in this video's masks."""
        return white_in(mask for _, mask in self.pairs)

    def areas(self, index: int) -> Mapping[int, int]:
        """The pixels of each object; where metadata list the frames of each, it is taken at its word."""
        if index not in self._areas:
            name = self.pairs[index][0].stem
            if self.video.objects and all(thing.frames for thing in self.video.objects.values()):
                listed = [i for i, thing in self.video.objects.items() if name in thing.frames]
                self._areas[index] = dict.fromkeys(listed, ENOUGH + 1)
            else:
                names, counts = np.unique(self.ids(index), return_counts=True)
                found = zip(names.tolist(), counts.tolist(), strict=True)
                self._areas[index] = {i: count for i, count in found if i not in (0, VOID)}
        return self._areas[index]

    def ids(self, index: int) -> Ids:
        """The ids of a frame; 255 is void. Raises UnreadableError, MaskError."""
        ids = self.store.ids(self.pairs[index][1], self.white)
        return np.where((ids > 0) & (ids != VOID), 1, ids).astype(np.uint8) if self.together else ids

    def rgb(self, index: int, reduce: int, size: tuple[int, int]) -> Rgb:
        """A frame at 1/reduce of its size, which must be that of its mask and of the clip's other frames.

        Raises UnreadableError, and InputError where it is not.
        """
        frame, mask = self.pairs[index]
        picture, ids = self.store.rgb(frame, reduce), self.ids(index)
        wanted = tuple(-(-side // reduce) for side in size)
        if ids.shape != size or picture.shape[:2] != wanted:
            shapes = f"{mask.name} is {ids.shape[1]}x{ids.shape[0]}, {frame.name} about "
            shapes += f"{picture.shape[1] * reduce}x{picture.shape[0] * reduce}"
            raise InputError(
                f"{mask.parent}: mixed sizes: {shapes}, where {size[1]}x{size[0]} is expected; "
                "bring the frames and masks of a video to one size"
            )
        return picture

    def files(self) -> list[Path]:
        """All frames and masks."""
        return [path for pair in self.pairs for path in pair]


def _spacing(names: list[str]) -> int:
    """The usual distance of frame numbers, 1 where names are no numbers."""
    if len(names) < 2 or not all(name.isascii() and name.isdigit() for name in names):
        return 1
    return max(1, int(np.median(np.diff([int(name) for name in names]))))
