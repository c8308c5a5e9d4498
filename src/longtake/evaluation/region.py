"""Region similarity J: the overlap of two masks (Perazzi et al., CVPR 2016, section 4.1)."""

import numpy as np
from jaxtyping import Bool

from longtake.evaluation.bits import Bits


def region_similarity(
    prediction: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "h w"],
    void: Bool[np.ndarray, "h w"] | None = None,
) -> float:
    """Intersection over union in [0, 1]; 1 where both masks are empty. Pixels of `void` count for neither mask."""
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    return overlap(Bits.of(prediction), Bits.of(truth))


def overlap(prediction: Bits, truth: Bits) -> float:
    """Region similarity of masks that are cut out already."""
    intersection = prediction.common(truth)
    union = prediction.area + truth.area - intersection
    return intersection / union if union else 1.0
