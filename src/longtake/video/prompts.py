"""Given masks by frame: one image for the first frame, or a folder of images named like the frames or by number."""

import logging
from pathlib import Path

import numpy as np

from longtake.errors import MaskError
from longtake.types import Frame, Masks
from longtake.video.images import images_in, repeated_names
from longtake.video.masks import Colours, read_masks, told

log = logging.getLogger("longtake")

MOST = 0.9
"""The share of a frame beyond which an object is taken for the background."""


class MaskFolder:
    """Looks up the masks of a frame as it comes; remembers which were used, and which colour is which object."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise MaskError(f"{path}: no such file; --masks takes a mask image or a folder of them")
        self.path, self.colours = path, Colours()
        files = mask_files(path)
        self.by_name = {file.stem: file for file in files}
        self.by_number = {int(file.stem): file.stem for file in reversed(files) if file.stem.isdecimal()}
        self.single = None if path.is_dir() else path
        self.unused = set(self.by_name)
        self.objects = 0
        self.warned = False

    def __call__(self, frame: Frame) -> Masks | None:
        """The masks given on this frame. Raises MaskError where its image cannot be read."""
        return self.of(frame.name, frame.index)

    def of(self, name: str, index: int) -> Masks | None:
        """The masks given on the frame of a name, the next one; raises as calling does."""
        path = self.file(name, index)
        if path is None:
            return None
        masks = self._read(path)
        if self.single is not None:
            self.single = None
            self.check_marked(masks)
        else:
            self.unused.discard(path.stem)
            self.objects += len(masks.ids)
        return masks

    def file(self, name: str, index: int) -> Path | None:
        """The image given on the frame of a name that comes next, before it was read."""
        if self.single is not None:
            return self.single
        number = int(name) if name.isdecimal() else index
        return next((self.by_name[key] for key in (name, self.by_number.get(number)) if key in self.unused), None)

    def check_marked(self, masks: Masks) -> None:
        """Raises MaskError where the only mask marks nothing."""
        if not masks.ids:
            raise MaskError(f"{self.path}: no mask pixels (all are background); mark at least one object")

    def _read(self, path: Path) -> Masks:
        known = len(self.colours.known)
        masks = read_masks(path, self.colours)
        self._warn_of_most(masks)
        if fresh := list(self.colours.known.items())[known:]:
            log.info("%s: colours taken for objects: %s", path, told(fresh))
        return masks

    def _warn_of_most(self, masks: Masks) -> None:
        """Says once that an object covers nearly all of its frame: black and white may be the wrong way round."""
        shares = [(np.count_nonzero(masks.labels == name) / masks.labels.size, name) for name in masks.ids]
        share, name = max(shares, default=(0.0, 0))
        if share > MOST and not self.warned:
            self.warned = True
            log.warning(
                "%s: object %d covers %.0f %% of the frame; is the mask inverted?", masks.origin, name, 100 * share
            )

    @property
    def named_colours(self) -> dict[str, int]:
        """Which object each colour was taken for, by its name: #rrggbb."""
        return {"#{:02x}{:02x}{:02x}".format(*colour): name for colour, name in self.colours.known.items() if name}

    def check_used(self, all_frames: bool = True) -> None:
        """Raises MaskError naming masks whose frame never came (if all frames did), or where none held an object."""
        if all_frames and self.unused:
            names = ", ".join(sorted(self.unused)[:3])
            raise MaskError(f"{self.path}: {len(self.unused)} masks fit no frame of the video (first: {names})")
        if self.path.is_dir() and not self.objects:
            raise MaskError(f"{self.path}: no mask pixels in any mask of these frames; mark at least one object")


def mask_files(path: Path) -> list[Path]:
    """The mask images of a folder in natural order; none for a file. Raises MaskError where a folder holds none."""
    if not path.is_dir():
        return []
    files = images_in(path)
    if not files:
        raise MaskError(f"{path}: no mask images in this folder")
    if twice := repeated_names(files):
        raise MaskError(f"{path}: several masks are named {twice[0]}; keep one of them")
    return files
