"""Region similarity J: the overlap of two masks (Perazzi et al., CVPR 2016, section 4.1)."""

import numpy as np
from jaxtyping import Bool


def region_similarity(prediction: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """Intersection over union in [0, 1]; 1 where both masks are empty."""
    union = int(np.count_nonzero(prediction | truth))
    return int(np.count_nonzero(prediction & truth)) / union if union else 1.0
