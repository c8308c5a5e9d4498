"""Tells by looking what a path is, and has it examined."""

from pathlib import Path

from longtake.data.layouts import is_dataset
from longtake.doctor.checkpoint import examine_checkpoint
from longtake.doctor.dataset import Progress, examine_dataset
from longtake.doctor.images import examine_images
from longtake.doctor.own import examine_own
from longtake.doctor.report import Report
from longtake.doctor.video import examine_video
from longtake.errors import InputError
from longtake.export.folders import is_results
from longtake.training.own import EXPORTS, is_own
from longtake.video.images import IMAGE_ENDINGS

WEIGHTS = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin"})


def examine(path: Path, progress: Progress = lambda done, count: None) -> Report:
    """A video, masks or frames, a data set, an export, a checkpoint.

    progress: called after each image of a data set. Raises InputError where there is nothing at the path.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give a video, masks, a data set or a checkpoint")
    if _is_own(path):
        return examine_own(path, progress)
    if is_dataset(path):
        return examine_dataset(path, progress)
    if path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS:
        return examine_images(path)
    return examine_checkpoint(path) if path.suffix.lower() in WEIGHTS else examine_video(path)


def _is_own(path: Path) -> bool:
    """Whether a path holds videos beside masks, or is an export; a video by itself is none, nor are results."""
    if path.is_file():
        return path.suffix.lower() in EXPORTS
    return is_own(path) and not is_results(path)
