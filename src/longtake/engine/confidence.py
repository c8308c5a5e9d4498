"""How well each object's mask is expected to fit: region similarity J, as the system's own probabilities foretell it.

Where probabilities are right, a mask overlaps the truth in the sum of its pixels' certainty, and the truth reaches
beyond the mask in the sum of what other pixels leave open; the one over the mask's pixels plus the other is the J to be
expected. How far a system's probabilities are right is measured, and a calibration says it.
"""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float32, UInt16

from longtake.systems.calibration import UNCALIBRATED, Calibration


def confidence(
    labels: UInt16[np.ndarray, "h w"],
    certainty: Float32[np.ndarray, "h w"],
    ids: Collection[int],
    calibration: Calibration = UNCALIBRATED,
) -> dict[int, float | None]:
    """The J that each object's mask is expected to have, 0 to 1; 1 where all its pixels were given, None without any.

    labels, certainty: as in `Prediction`. What a pixel leaves open belongs to other objects by the length of their
    outlines, taken to go with the root of their pixels.
    """
    flat, sure, size = labels.reshape(-1), certainty.reshape(-1), max(ids, default=0) + 1
    pixels, sums = np.bincount(flat, minlength=size), np.bincount(flat, sure, minlength=size)
    open_ = float(sure.size - sums.sum())
    outlines = float(sum(np.sqrt(pixels[name]) for name in ids)) or 1.0
    found = dict[int, float | None]()
    for name in ids:
        count, inside = float(pixels[name]), float(sums[name])
        beyond = (open_ - (count - inside)) * np.sqrt(count) / outlines
        expected = inside / (count + beyond) if count else 0.0
        found[name] = None if not count else 1.0 if inside == count else calibration(expected)
    return found
