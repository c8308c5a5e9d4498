"""Propose: what a detector finds in every frame, kept in files, for `--proposals` and for training."""

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import ExifTags, Image

from longtake.engine.runtime import runtime
from longtake.errors import SourceError
from longtake.systems.proposers import open_detector
from longtake.types import Frame
from longtake.video.folder import FolderSource
from longtake.video.images import UNREADABLE, images_in
from longtake.video.proposals import UPRIGHT, write_proposals
from longtake.video.sinks import make_folder, output
from longtake.video.source import Source
from longtake.video.sources import open_source

Report = Callable[[int, int | None, str], None]


def propose(
    source: Path | str,
    detector: Path,
    out: Path,
    *,
    short_side: int = 800,
    device: str = "auto",
    report: Report = lambda done, count, note: None,
) -> int:
    """Write FRAME.json for every frame that has none yet; returns how many there are.

    source: a video, a folder of images of any sizes, or a tree of such folders, which `out` then mirrors. detector:
    weights of torchvision's Mask R-CNN. short_side: see `MaskRCNNFinder`. Raises LongtakeError; finished files stay.
    """
    found = list(_sources(source))
    counts = [frames.info.count for _, frames in found]
    total = None if None in counts else sum(count or 0 for count in counts)
    finder, done = open_detector(detector, runtime(device).device, short_side), 0
    for place, frames in found:
        folder, files = make_folder(out / place), frames.files if isinstance(frames, FolderSource) else None
        for entry in frames.entries():  # one by one, since photographs need not be of one size
            path = folder / f"{entry.name}.json"
            if not path.exists():
                proposals = finder(Frame(entry.index, entry.name, entry.seconds, entry.keyframe, entry.load()))
                with output(path):
                    write_proposals(path, proposals, _orientation(files[entry.index]) if files else UPRIGHT)
            done += 1
            report(done, total, str(place))
    return done


def _sources(source: Path | str) -> Iterator[tuple[Path, Source]]:
    """Everything that has frames, with its place below the root; hidden folders are left out. Raises SourceError."""
    root = Path(source)
    if not root.is_dir():
        yield Path(), open_source(source)
        return
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    places = [folder.relative_to(root) for folder in folders if images_in(folder)]
    shown = [place for place in places if not any(part.startswith(".") for part in place.parts)]
    if not shown:
        raise SourceError(f"{root}: no images in this folder or in any below it")
    yield from ((place, FolderSource(root / place)) for place in shown)


def _orientation(path: Path) -> int:
    """What the camera says of the stored pixels."""
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    except UNREADABLE:
        return UPRIGHT
