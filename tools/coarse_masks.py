"""What DMN-AOA's coarse masks are worth, and what they rest on: parts of a trained model switched off, one at a time.

    python tools/coarse_masks.py OUT [--gap 5]

OUT is a folder of tools/overfit.py. The clips are followed from their first mask, in every frame or every `gap`-th.
Printed is mean J of the model's own masks and, at stride 4, of its coarse ones: as it is, without alignment in the
matcher, with a template of zeros, with coarse masks of zeros, and with whole frames that are not brought into line.
Beside them the best of an object's own proposals, and its last mask left in place.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.systems.dmn_aoa import coarse
from longtake.systems.dmn_aoa.memory import STRIDE
from longtake.systems.dmn_aoa.model import DMNAOA
from longtake.systems.models import load


def no_alignment(system: DMNAOA) -> None:
    """Proposals are compared position by position."""
    system.coarse.matcher.align = False


def no_template(system: DMNAOA) -> None:
    """Nothing is read from the memory."""
    plain = system.dynamic.read
    system.dynamic.read = lambda query, entries: torch.zeros_like(plain(query, entries))


def no_coarse_masks(system: DMNAOA) -> None:
    """The refinement sees none."""
    plain = system.coarse.forward
    system.coarse.forward = lambda *inputs: tuple(torch.zeros_like(x) for x in plain(*inputs))


def not_in_line(system: DMNAOA) -> None:
    """The first and the previous frame, and their masks, stay as they are."""
    system.as_template = None


SWITCHES: dict[str, Callable[[DMNAOA], None]] = {
    "all": lambda system: None,
    "no alignment in the matcher": no_alignment,
    "no template": no_template,
    "no coarse masks": no_coarse_masks,
    "frames not in line": not_in_line,
}


def region(found: Tensor, truth: Tensor) -> float:
    """J of two masks [h, w] of booleans."""
    return float((found & truth).sum() / (found | truth).sum().clamp(min=1))


def measure(model: Path, clips: Path, switch: Callable[[DMNAOA], None], gap: int) -> np.ndarray:
    """Means over clips of J: the masks, the coarse ones, the last mask left in place, the best of the proposals."""
    system, _ = load(str(model))
    assert isinstance(system, DMNAOA)
    switch(system)
    seen, offered, plain = list[Tensor](), list[Tensor](), coarse.moved_masks
    system.coarse.register_forward_hook(lambda _, __, output: seen.append(output[0][0, 0]))
    coarse.moved_masks = lambda *inputs: (offered.append(plain(*inputs)), offered[-1])[1]
    means = []
    for folder in sorted((clips / "JPEGImages/480p").iterdir()):
        folders = (folder, clips / "Annotations/480p" / folder.name)
        pairs = list(zip(*(sorted(each.iterdir()) for each in folders), strict=True))
        rows = []
        for first in range(gap):
            session = Session(system, run=runtime("cpu", "float32"), keep=0)
            for number, (image, mask) in enumerate(pairs[first::gap]):
                truth = np.asarray(Image.open(mask)) > 0
                seen.clear(), offered.clear()
                given = truth.astype(np.uint16) if number == 0 else None
                found = session.push(np.asarray(Image.open(image).convert("RGB")), given).labels > 0
                if number:
                    placed = session.moment().placement.masks(torch.from_numpy(truth)[None, None].float())
                    small = F.avg_pool2d(placed, STRIDE)[0, 0] > 0.5
                    own = [region(each > 0.5, small) for each in offered[0][0, 0]]
                    whole = region(torch.from_numpy(found), torch.from_numpy(truth))
                    rows.append([whole, region(seen[0] > 0.5, small), own[0], max(own)])
        means.append(np.mean(rows, axis=0))
    coarse.moved_masks = plain
    return np.mean(means, axis=0)


def main() -> None:
    """Print a line for each switch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--gap", type=int, default=1)
    given = parser.parse_args()
    for name, switch in SWITCHES.items():
        found = measure(given.out / "run/model.safetensors", given.out / "data", switch, given.gap)
        told = "J {:.4f}, coarse {:.3f}, last mask in place {:.3f}, best proposal {:.3f}".format(*found)
        print(f"{name}: {told}", flush=True)


if __name__ == "__main__":
    main()
