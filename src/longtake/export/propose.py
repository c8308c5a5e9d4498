"""Propose: what a detector finds in every frame, kept in files, for `--proposals` and for training."""

from collections.abc import Callable, Iterator
from pathlib import Path

from longtake.engine.runtime import runtime
from longtake.errors import SourceError
from longtake.systems.proposers import open_detector
from longtake.video.images import images_in
from longtake.video.proposals import write_proposals
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

    source: a video, a folder of images, or a tree of such folders, which `out` then mirrors. detector: weights of
    torchvision's Mask R-CNN. short_side: frames are brought to it. Raises LongtakeError; finished files stay.
    """
    found = list(_sources(source))
    finder = open_detector(detector, runtime(device).device, short_side)
    counts = [frames.info.count for _, frames in found]
    total = None if None in counts else sum(count or 0 for count in counts)
    done = 0
    for name, frames in found:
        folder = make_folder(out / name)
        for frame in frames:
            path = folder / f"{frame.name}.json"
            if not path.exists():
                with output(path):
                    write_proposals(path, finder(frame))
            done += 1
            report(done, total, str(name))
    return done


def _sources(source: Path | str) -> Iterator[tuple[Path, Source]]:
    """Everything that has frames, with its place below the root."""
    root = Path(source)
    if not root.is_dir():
        yield Path(), open_source(source)
        return
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir() and not path.name.startswith("."))]
    some = [folder for folder in folders if images_in(folder)]
    if not some:
        raise SourceError(f"{root}: no images in this folder or in any below it")
    yield from ((folder.relative_to(root), open_source(folder)) for folder in some)
