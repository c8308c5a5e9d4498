"""Still images as training data: photographs with id masks, and RGBA cut-outs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtake.errors import InputError


@dataclass(frozen=True)
class Still:
    """A photograph and its id mask."""

    image: Path
    mask: Path


def is_stills(root: Path) -> bool:
    """Whether a folder holds `images` with `masks`."""
    return (root / "images").is_dir() and (root / "masks").is_dir()


def stills(root: Path) -> Sequence[Still]:
    """All images with a mask of the same name. Raises InputError where an image has none."""
    images = sorted((root / "images").iterdir())
    pairs = [Still(image, root / "masks" / f"{image.stem}.png") for image in images]
    lacking = [pair.image for pair in pairs if not pair.mask.exists()]
    if lacking or not pairs:
        raise InputError(f"{root}: {len(lacking)} of {len(pairs)} images have no mask (first: {lacking[:1]})")
    return pairs


def cutouts(root: Path) -> Sequence[Path]:
    """All PNG files of a folder of RGBA cut-outs. Raises InputError where there are none."""
    found = sorted(root.glob("*.png"))
    if not found:
        raise InputError(f"{root}: neither DAVIS layout, nor images/ with masks/, nor a folder of PNG cut-outs")
    return found
