"""How far measures go together over objects: Pearson's coefficient of J with F, and of J&F with V (LVOS, figure 6)."""

import math
from collections.abc import Sequence

import numpy as np

from longtake.evaluation.results import ObjectResult

PAIRS = (("J", "F"), ("J&F", "V"))

FEWEST = 3
"""Objects; of fewer there is no coefficient."""

LEAST = 1e-9
"""Figures that differ by less are the same."""


def correlation(objects: Sequence[ObjectResult], x: str, y: str) -> float:
    """The coefficient of two figures over objects; not a number where one of them is the same for all."""
    values = np.array([[figure(thing, name) for thing in objects] for name in (x, y)], np.float64)
    if len(objects) < FEWEST or np.isnan(values).any() or np.ptp(values, axis=1).min() < LEAST:
        return math.nan
    return float(np.corrcoef(*values)[0, 1])


def correlations(objects: Sequence[ObjectResult]) -> dict[str, float]:
    """The coefficient of every pair, as "J, F"."""
    return {f"{x}, {y}": correlation(objects, x, y) for x, y in PAIRS}


def figure(thing: ObjectResult, name: str) -> float:
    """A figure of an object, J&F among them."""
    return thing.overall if name == "J&F" else thing.figures[name]
