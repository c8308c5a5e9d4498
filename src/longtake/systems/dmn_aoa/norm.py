"""Group normalisation, as all that DMN-AOA adds to its backbone has it (section 4.1: 32 groups)."""

import math
from collections.abc import Callable

from torch import nn

Norm = Callable[[int], nn.GroupNorm]
"""Makes the norm of so many channels."""


def norm_of(groups: int) -> Norm:
    """Norms of so many groups, or of as many as divide the channels."""
    return lambda channels: nn.GroupNorm(math.gcd(groups, channels), channels)
