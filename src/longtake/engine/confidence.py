"""How well each object's mask is expected to fit: region similarity J as the system's own probabilities foretell it.

Where probabilities are right, a mask of certainty c at its pixels overlaps the truth in the sum of c of them, and the
truth reaches beyond it in the sum of what the pixels around leave open; so J is expected to be the one over the mask's
pixels plus the other. How far a system's probabilities are right is measured, and a calibration says it.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt16

from longtake.types import Prediction


@dataclass(frozen=True)
class Calibration:
    """From expected J to measured J: straight lines between these points, level beyond them."""

    expected: tuple[float, ...]
    measured: tuple[float, ...]

    def __call__(self, expected: float) -> float:
        """The J that was measured where this one was expected."""
        return float(np.interp(expected, self.expected, self.measured))


UNCALIBRATED = Calibration((0.0, 1.0), (0.0, 1.0))


def confidence(prediction: Prediction, calibration: Calibration = UNCALIBRATED) -> dict[int, float | None]:
    """For each followed object the J that its mask is expected to have, 0 to 1; None where it has no pixel.

    Where masks were given it is 1 for those that were.
    """
    found = expected_similarity(prediction.labels, prediction.certainty, prediction.ids)
    return {name: value if value in (None, 1.0) else calibration(value or 0.0) for name, value in found.items()}


def expected_similarity(
    labels: UInt16[np.ndarray, "h w"], certainty: Float32[np.ndarray, "h w"], ids: Collection[int]
) -> dict[int, float | None]:
    """The J that each object's mask is expected to have; 1 where all its pixels are certain, None where it has none.

    What a pixel leaves open counts for the object whose pixels are nearest, here: for all objects alike.
    """
    flat, sure, size = labels.reshape(-1), certainty.reshape(-1), max(ids, default=0) + 1
    pixels, sums = np.bincount(flat, minlength=size), np.bincount(flat, sure, minlength=size)
    found = dict[int, float | None]()
    for name in ids:
        found[name] = float(sums[name] / pixels[name]) if pixels[name] else None
    return found
