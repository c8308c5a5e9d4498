"""Proposers by path: a folder of files, or weights of Mask R-CNN, which is then run on every frame."""

from pathlib import Path

import numpy as np
import torch

from longtake.errors import CheckpointError, SettingError
from longtake.nn.mask_rcnn import MaskRCNNFinder, finder_for
from longtake.systems.checkpoint import misfits, read_weights
from longtake.systems.official import read_official
from longtake.types import Frame, Proposals, Proposer
from longtake.video.proposals import FolderOfProposals, best

SURE = 0.5
"""From which probability on a pixel belongs to what was found."""


class Detector:
    """Mask R-CNN on the frames of a video, in float32; what it finds of any class is a proposal."""

    def __init__(self, network: MaskRCNNFinder, device: torch.device) -> None:
        self.network, self.device = network.eval().to(device), device

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Proposals:
        """The best of what is found."""
        pixels = torch.from_numpy(np.require(frame.image, requirements=["C", "W"])).to(self.device)
        image = pixels.permute(2, 0, 1).float() / 255
        with torch.autocast(self.device.type, enabled=False):
            masks, scores = self.network(image)
        return best(Proposals((masks > SURE).cpu().numpy(), scores.cpu().numpy().astype(np.float32)))


def open_detector(path: Path, device: torch.device, short_side: int = 800) -> Detector:
    """Mask R-CNN with the user's weights, under torchvision's names. Raises CheckpointError."""
    weights = read_weights(path) if path.suffix == ".safetensors" else read_official(path)
    network = finder_for(weights, short_side)
    if network is None:
        raise CheckpointError(f"{path}: not weights of torchvision's Mask R-CNN (maskrcnn_resnet50_fpn, or its v2)")
    counters = {name for name in network.network.state_dict() if name.endswith("num_batches_tracked")}
    if problems := misfits(network.network, {k: v for k, v in weights.items() if k not in counters}):
        few = "; ".join(problems[:3])
        raise CheckpointError(f"{path}: {len(problems)} tensors do not fit Mask R-CNN: {few}")
    network.network.load_state_dict(dict(weights), strict=False)
    return Detector(network, device)


def open_proposer(path: Path, device: torch.device) -> Proposer:
    """A folder of FRAME.json files, or a detector's weights. Raises SettingError where there is neither."""
    if path.is_dir():
        return FolderOfProposals(path)
    if not path.is_file():
        raise SettingError(f"--proposals {path}: no such folder of proposals, and no file of a detector's weights")
    return open_detector(path, device)
