"""A weight file: its card, its preset, every tensor."""

from pathlib import Path

import torch

from longtake.doctor.report import Report
from longtake.errors import LongtakeError
from longtake.systems.checkpoint import misfits, preset_of, read_card, read_weights
from longtake.systems.trained import TRAINING


def examine_checkpoint(path: Path) -> Report:
    """Whether it is one of longtake's, fits its preset, and holds finite numbers."""
    report = Report(str(path), "a checkpoint")
    if path.suffix != ".safetensors" and path.name != TRAINING:
        report.problems.append(f"{path}: not a .safetensors file; convert it with: longtake models convert")
        return report
    try:
        weights = read_weights(path)
        report.facts["tensors"] = f"{len(weights)}, {sum(t.numel() for t in weights.values()) / 1e6:.2f} M numbers"
        report.problems += [
            f"{name} holds numbers that are not finite" for name, t in weights.items() if not torch.isfinite(t).all()
        ]
        card = read_card(path)
        report.facts |= {"preset": card.preset, "licence": card.licence}
        report.facts |= {f"data: {name}": licence for name, licence in card.data.items()}
        report.problems += misfits(preset_of(card, str(path)).build(), weights)
        if card.licence == "not stated":
            report.notes.append("its card states no licence")
    except LongtakeError as error:
        report.problems.append(str(error))
    return report
