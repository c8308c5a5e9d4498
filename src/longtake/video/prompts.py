"""Given masks by frame: one image for the first frame, or a folder of images named like the frames or by number."""

from pathlib import Path

from longtake.errors import MaskError
from longtake.types import Frame, Masks
from longtake.video.palette import read_masks
from longtake.video.sources import IMAGE_ENDINGS, natural_order


class MaskFolder:
    """Looks up the masks of a frame as it comes; remembers which were used."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise MaskError(f"{path}: no such file; --masks takes a mask image or a folder of them")
        self.path = path
        found = path.iterdir() if path.is_dir() else iter(())
        files = sorted((f for f in found if f.suffix.lower() in IMAGE_ENDINGS and f.name[0] != "."), key=natural_order)
        self.by_name = {file.stem: file for file in files} if path.is_dir() else {}
        self.unused = set(self.by_name)
        if path.is_dir() and not files:
            raise MaskError(f"{path}: no mask images in this folder")

    def __call__(self, frame: Frame) -> Masks | None:
        """The masks given on this frame. Raises MaskError where its image cannot be read."""
        if not self.path.is_dir():
            return read_masks(self.path) if frame.index == 0 else None
        numbers = [name for name in self.unused if name.isdigit() and int(name) == frame.index]
        for name in (frame.name, *numbers):
            if name in self.unused:
                self.unused.discard(name)
                return read_masks(self.by_name[name])
        return None

    def check_used(self) -> None:
        """Raises MaskError naming masks whose frame never came."""
        if self.unused:
            names = ", ".join(sorted(self.unused)[:3])
            raise MaskError(f"{self.path}: {len(self.unused)} masks fit no frame of the video (first: {names})")
