"""Tells by looking what a path is, and has it examined."""

from pathlib import Path

from longtake.doctor.checkpoint import examine_checkpoint
from longtake.doctor.images import examine_images
from longtake.doctor.installation import examine_installation
from longtake.doctor.report import Report
from longtake.doctor.video import examine_video
from longtake.errors import InputError
from longtake.video.images import IMAGE_ENDINGS

WEIGHTS = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin"})


def examine(path: Path | None = None) -> Report:
    """A video, a folder of masks or frames, a mask image, a checkpoint; the installation without a path.

    Raises InputError where there is nothing at the path.
    """
    if path is None:
        return examine_installation()
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give a video, masks or a checkpoint")
    if path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS:
        return examine_images(path)
    return examine_checkpoint(path) if path.suffix.lower() in WEIGHTS else examine_video(path)
