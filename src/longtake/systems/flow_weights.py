"""Weights of flow networks: LiteFlowNet's as published in this project's names, and files read into a network.

The published file is a pickle of the network's PyTorch ports. Older ones begin the names of modules with `module`,
newer ones with `net`; all else is alike, and anything else raises.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from longtake.errors import CheckpointError
from longtake.nn.liteflownet import LiteFlowNet
from longtake.nn.raft import RaftSmall
from longtake.systems.checkpoint import NETWORK, misfits, read_metadata, read_weights, write_tensors
from longtake.systems.official import read_official, renamed, swapped

LITEFLOWNET = "liteflownet"
LICENCE = "licence: research only, as LiteFlowNet's authors gave their weights; keeping to it is the user's affair"

OLDER = re.compile(r"(^|\.)module(?=[A-Z])")
STAGES = ("One", "Two", "Thr", "Fou", "Fiv", "Six")
STEPS = {
    "netMatching": ("matching", {"netFeat.": "widen.", "netMain.": "head.", "netUpflow.": "enlarge_flow."}),
    "netSubpixel": ("subpixel", {"netFeat.": "widen.", "netMain.": "head."}),
    "netRegularization": ("regularisation", {"netFeat.": "widen.", "netMain.": "body.", "netDist.": "distance."}),
}
STEPS["netMatching"][1]["netUpcorr."] = "enlarge_correlation."
STEPS["netRegularization"][1].update({"netScaleX.": "scale_x.", "netScaleY.": "scale_y."})

PLACES = {f"netFeatures.net{name}.": f"pyramid.{index}." for index, name in enumerate(STAGES)}
PLACES |= {
    f"{step}.{level}.{theirs}": f"levels.{level}.{own}.{ours}"
    for step, (own, parts) in STEPS.items()
    for level in range(5)
    for theirs, ours in parts.items()
}


def convert_liteflownet(tensors: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Published tensors under this project's names, every shape checked against `LiteFlowNet`.

    Raises CheckpointError naming every tensor that has no place here, or those that are missing or misshaped.
    """
    weights = renamed(tensors, lambda name: swapped(OLDER.sub(r"\1net", name), PLACES), "LiteFlowNet", origin)
    _check(LiteFlowNet(), weights, origin)
    return weights


def save_liteflownet(path: Path, weights: Mapping[str, Tensor], note: str) -> None:
    """Write converted weights with what they are and whose affair their licence is. Raises OutputError."""
    stored = {name: tensor.contiguous() for name, tensor in weights.items()}
    write_tensors(path, stored, {NETWORK: LITEFLOWNET, "licence": LICENCE, "note": note})


def flow_licence(path: str | None) -> str:
    """What a card must say where a converted flow network is part of a model; nothing for other files and for none."""
    if path is None or Path(path).suffix != ".safetensors":
        return ""
    return f"with LiteFlowNet: {read_metadata(Path(path)).get('licence', '')}"


def load_flow(network: LiteFlowNet | RaftSmall, path: Path) -> None:
    """Fill a network: LiteFlowNet from a converted file, RAFT from torchvision's own. Raises CheckpointError."""
    target = network.network if isinstance(network, RaftSmall) else network
    weights = _converted(path) if target is network else read_official(path)
    _check(target, weights, str(path))
    with torch.no_grad():
        target.load_state_dict(weights, strict=False)


def _converted(path: Path) -> dict[str, Tensor]:
    how = f"convert LiteFlowNet's with: longtake models convert {LITEFLOWNET}"
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; {how}")
    if path.suffix != ".safetensors" or read_metadata(path).get(NETWORK) != LITEFLOWNET:
        raise CheckpointError(f"{path}: not converted weights of LiteFlowNet; {how}")
    return read_weights(path)


def _check(network: torch.nn.Module, weights: Mapping[str, Tensor], origin: str) -> None:
    if problems := misfits(network, weights):
        few = "; ".join(problems[:3])
        raise CheckpointError(f"{origin}: {len(problems)} tensors do not fit {type(network).__name__}: {few}")
