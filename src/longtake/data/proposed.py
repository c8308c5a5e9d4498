"""What was proposed in the images of training data: a folder that mirrors the data's, a JSON file for each image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from longtake.errors import InputError
from longtake.video.proposals import best, read_proposals

Proposed = Callable[[Path, tuple[int, int]], UInt8[np.ndarray, "p h w"]]
"""From an image and its size, 1 where a proposal is."""


@dataclass(frozen=True)
class ProposalFiles:
    """FOLDER/NAME/path.json for ROOT/path.jpg, where NAME is the root's own. files: all that there are."""

    folder: Path
    roots: tuple[Path, ...]
    files: list[Path]

    def __call__(self, image: Path, size: tuple[int, int]) -> UInt8[np.ndarray, "p h w"]:
        """The best proposals in an image. Raises InputError where its file is missing, damaged or of another size."""
        root = next(root for root in self.roots if image.is_relative_to(root))
        path = (self.folder / root.name / image.relative_to(root)).with_suffix(".json")
        found = best(read_proposals(path, as_stored=True))
        if found.masks.shape[1:] != size:
            raise InputError(f"{path}: proposals for another size than the {size[1]}x{size[0]} pixels of {image.name}")
        return found.masks.astype(np.uint8)


def open_proposed(folder: Path, roots: Sequence[Path]) -> ProposalFiles:
    """The proposals for folders of data. Raises InputError where there are none, or two of these have one name."""
    if not (files := sorted(folder.rglob("*.json"))):
        raise InputError(f"proposals: {folder} holds no FRAME.json; write them with: longtake propose")
    names = [root.name for root in roots]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"proposals: several folders of data are named {twice}, and it has one {folder / twice}")
    return ProposalFiles(folder, tuple(roots), files)
