"""From the J that a model's probabilities foretell to the J that was measured: calibration.json, of bundled models."""

import importlib.resources
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """Straight lines between these points, level beyond them."""

    expected: tuple[float, ...]
    measured: tuple[float, ...]

    def __call__(self, expected: float) -> float:
        """The J that was measured where this one was expected."""
        return float(np.interp(expected, self.expected, self.measured))


UNCALIBRATED = Calibration((0.0, 1.0), (0.0, 1.0))


def calibration_of(preset: str) -> Calibration:
    """What was measured for the bundled model of a preset (`tools/calibrate.py`); the identity for all others."""
    text = importlib.resources.files("longtake").joinpath("weights", "calibration.json").read_text(encoding="utf-8")
    found = json.loads(text).get(preset)
    return UNCALIBRATED if found is None else Calibration(tuple(found["expected"]), tuple(found["measured"]))
