"""What becomes of the values of an object's frames: mean, recall, decay (Perazzi et al., section 4.2), stability V."""

import math
from collections.abc import Sequence

import numpy as np

GOOD = 0.5
"""Values above it count for recall."""

BINS = 4
"""Parts of a sequence that decay compares."""


def mean(values: Sequence[float]) -> float:
    """Their mean; not a number where there are none."""
    return float(np.mean(values)) if len(values) else math.nan


def recall(values: Sequence[float]) -> float:
    """The share of values above one half."""
    return mean([float(value > GOOD) for value in values])


def bin_edges(count: int) -> list[int]:
    """First and last index of each quarter; neighbours share theirs, as in the DAVIS toolkits."""
    return [int(edge) for edge in np.round(np.linspace(1, count, BINS + 1) + 1e-10) - 1]


def decay(values: Sequence[float], wrapped: bool = False) -> float:
    """How much lower the last quarter is than the first; negative where it is higher.

    wrapped: indices modulo 256, as the DAVIS toolkits' 8-bit numbers have them: wrong beyond 256 frames, where it may
    be not a number.
    """
    if not len(values):
        return math.nan
    edges = [edge % 256 if wrapped else edge for edge in bin_edges(len(values))]
    return mean(values[edges[0] : edges[1] + 1]) - mean(values[edges[-2] : edges[-1] + 1])


def stability(j: Sequence[float], f: Sequence[float], rounded: bool = False) -> float:
    """Temporal stability V: the standard deviation of (J + F) / 2 over an object's frames (LVOS, equation 1).

    Lower is better. rounded: the variance rounded to four decimals before the root, as the LVOS toolkit does.
    """
    if not len(j):
        return math.nan
    variance = float(np.var((np.asarray(j) + np.asarray(f)) / 2))
    return math.sqrt(np.round(variance, 4) if rounded else variance)
