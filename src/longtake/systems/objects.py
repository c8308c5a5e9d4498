"""Objects beside the batch: folding them into it and back, and each one's view of the others.

Shapes: b batch, n objects.
"""

from collections.abc import Callable
from contextvars import ContextVar

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from longtake.systems.protocol import Targets


def fold(x: Float[Tensor, "b n *rest"]) -> Float[Tensor, "bn *rest"]:
    """Objects into the batch."""
    return x.flatten(0, 1)


def spread(x: Float[Tensor, "b *rest"], n: int) -> Float[Tensor, "bn *rest"]:
    """What belongs to the frame, once for each of its n objects."""
    return x.unsqueeze(1).expand(-1, n, *x.shape[1:]).flatten(0, 1)


def unfold(x: Float[Tensor, "bn *rest"], n: int) -> Float[Tensor, "b n *rest"]:
    """Objects out of the batch again."""
    return x.reshape(-1, n, *x.shape[1:])


AT_ONCE = ContextVar("objects at once", default=16)
"""Objects that pass through a network together: hundreds at once would need tens of gigabytes."""


def by_portions(function: Callable[..., Tensor], *tensors: Shaped[Tensor, "b n *_"]) -> Shaped[Tensor, "b n *_"]:
    """`function` of tensors with objects in their second dimension, a few objects at a time."""
    n, size = tensors[0].shape[1], AT_ONCE.get()
    if n <= size:
        return function(*tensors)
    portions = (function(*(tensor[:, i : i + size] for tensor in tensors)) for i in range(0, n, size))
    return torch.cat(list(portions), dim=1)


def with_others(targets: Targets) -> Float[Tensor, "b n 2 h w"]:
    """Each object's mask, and the clamped sum of all other objects' (the fifth input of the published STM)."""
    masks = targets.masks * targets.valid[:, :, None, None]
    others = (targets.outside + masks.sum(dim=1, keepdim=True) - masks).clamp(0, 1)
    return torch.stack([masks, others], dim=2)
