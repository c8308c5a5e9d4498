"""Tells by looking what a path is, and has it examined."""

from pathlib import Path

from longtake.data.layouts import is_dataset
from longtake.doctor.checkpoint import examine_checkpoint
from longtake.doctor.dataset import Progress, examine_dataset
from longtake.doctor.images import examine_images
from longtake.doctor.installation import examine_installation
from longtake.doctor.report import Report
from longtake.doctor.video import examine_video
from longtake.errors import InputError
from longtake.video.images import IMAGE_ENDINGS

WEIGHTS = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin"})


def examine(path: Path | None = None, progress: Progress = lambda done, count: None) -> Report:
    """A video, a folder of masks or frames, a mask, a data set, a checkpoint; the installation without a path.

    progress: called after each image of a data set. Raises InputError where there is nothing at the path.
    """
    if path is None:
        return examine_installation()
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give a video, masks, a data set or a checkpoint")
    if is_dataset(path):
        return examine_dataset(path, progress)
    if path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS:
        return examine_images(path)
    return examine_checkpoint(path) if path.suffix.lower() in WEIGHTS else examine_video(path)
