"""Faults as predictions have them, put into what is remembered while a system learns: so that it doubts the last mask.

A patch of similar colour leaks into an object, or is lost from it.
Shapes: b batch, n objects, h height, w width; s and r are a quarter of h and w.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

LEAKS, LOSES = 0.25, 0.25
"""How often an object's mask has a patch more, or a patch less."""

REACH = (0.05, 0.3)
"""A patch's radius, as a share of the longer side."""

TOLERANCE = (0.04, 0.15)
"""How far colours of a patch may be from its middle's, in RGB of [0, 1]."""


def with_faults(
    masks: Float[Tensor, "b n h w"], images: Float[Tensor, "b 3 h w"], valid: Bool[Tensor, "b n"]
) -> Float[Tensor, "b n h w"]:
    """The masks, some with a patch more or less; what leaks into one object is taken from the others."""
    h, w = masks.shape[2:]
    draw = torch.rand(masks.shape[:2], device=masks.device)
    leaks = ((draw < LEAKS) & valid)[:, :, None, None]
    loses = ((draw >= LEAKS) & (draw < LEAKS + LOSES))[:, :, None, None]
    quarter = (max(1, h // 4), max(1, w // 4))
    inside = adaptive_avg_pool2d(masks.detach().float(), quarter)
    found = patches(adaptive_avg_pool2d(images, quarter), torch.where(loses, inside, 1))
    found = interpolate(found, (h, w), mode="bilinear").to(masks.dtype)
    leaked = found * leaks
    leaked = leaked / leaked.sum(dim=1, keepdim=True).clamp(min=1)
    not_others = (1 - leaked.sum(dim=1, keepdim=True) + leaked).clamp(0, 1)
    return torch.maximum(masks * (1 - found * loses) * not_others, leaked)


def patches(images: Float[Tensor, "b 3 s r"], where: Float[Tensor, "b n s r"]) -> Float[Tensor, "b n s r"]:
    """A random patch for each object: near a pixel where `where` exceeds one half, of a colour near its own."""
    height, width = images.shape[2:]
    # the largest of random numbers is equally likely everywhere
    middle = (torch.rand_like(where) * (where > 0.5)).flatten(2).argmax(dim=2)
    rows, columns = middle // width, middle % width
    colours = images.flatten(2).gather(2, middle[:, None].expand(-1, 3, -1))
    far = (images[:, :, None] - colours[..., None, None]).abs().mean(dim=1)
    y = torch.arange(height, device=images.device)[:, None] - rows[..., None, None]
    x = torch.arange(width, device=images.device) - columns[..., None, None]
    shares = torch.rand(2, *middle.shape, 1, 1, device=images.device)
    reach, tolerance = (
        low + (high - low) * share for (low, high), share in zip((REACH, TOLERANCE), shares, strict=True)
    )
    near = (x**2 + y**2).sqrt() <= reach * max(height, width)
    found: Tensor = (near & (far <= tolerance)).float()
    return found
