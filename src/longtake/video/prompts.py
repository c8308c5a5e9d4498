"""Given masks by frame: one image for the first frame, or a folder of images named like the frames or by number."""

import logging
from pathlib import Path

from longtake.errors import MaskError
from longtake.types import Frame, Masks
from longtake.video.images import images_in, repeated_names
from longtake.video.masks import Colours, read_masks, told

log = logging.getLogger("longtake")


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

    def __call__(self, frame: Frame) -> Masks | None:
        """The masks given on this frame. Raises MaskError where its image cannot be read."""
        return self.of(frame.name, frame.index)

    def of(self, name: str, index: int) -> Masks | None:
        """The masks given on the frame of a name, the next one; raises as calling does."""
        if self.single is not None:
            masks, self.single = self._read(self.single), None
            if not masks.ids:
                raise MaskError(f"{self.path}: no mask pixels (all are background); mark at least one object")
            return masks
        number = int(name) if name.isdecimal() else index
        for key in (name, self.by_number.get(number)):
            if key in self.unused:
                self.unused.discard(key)
                masks = self._read(self.by_name[key])
                self.objects += len(masks.ids)
                return masks
        return None

    def _read(self, path: Path) -> Masks:
        known = len(self.colours.known)
        masks = read_masks(path, self.colours)
        if fresh := list(self.colours.known.items())[known:]:
            log.info("%s: colours taken for objects: %s", path, told(fresh))
        return masks

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
