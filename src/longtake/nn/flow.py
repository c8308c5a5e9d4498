"""Optical flow: what a provider of it gives, masks carried along it, and networks run at another size.

A provider is a function flow(current, previous) -> b 2 h w of two batches of RGB images in [0, 1]. It says for every
pixel of the current image where its content was: current(p) = previous(p + flow(p)), in pixels, channel 0 to the right
and channel 1 down. So whatever lies on the previous image is brought to the current one by looking it up (`warp`).
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from longtake.nn.precise import precise

Images = Float[Tensor, "b 3 h w"]
Flow = Callable[[Images, Images], Float[Tensor, "b 2 _ _"]]

Size = tuple[int, int]
"""Height and width in pixels."""


def warp(x: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b c h w"]:
    """x(p + flow(p)), between pixel centres bilinear, 0 outside; in float32 at least.

    Samples are taken in pixels, not in grid_sample's [-1, 1]: a flow of whole pixels gives the very values of x.
    """
    x, flow = precise(x), precise(flow)
    (b, c, h, w), values = x.shape, x.flatten(2)
    total = torch.zeros_like(x)
    for row, down in _taps(flow[:, 1], torch.arange(h, device=x.device)[:, None]):
        for column, across in _taps(flow[:, 0], torch.arange(w, device=x.device)):
            places = (row * w + column).view(b, 1, h * w).expand(-1, c, -1)
            total = total + values.gather(2, places).view_as(x) * (down * across)[:, None]
    return total


def _taps(
    shift: Float[Tensor, "b h w"], own: Int[Tensor, "*axis"]
) -> Iterator[tuple[Int[Tensor, "b h w"], Float[Tensor, "b h w"]]]:
    """Along one axis the pixels before and after each sample, and their weights: 0 for those outside."""
    last = own.numel() - 1
    place = (own + shift).clamp(-1, last + 1)  # further out nothing differs, and integers cannot hold what is endless
    before = place.floor()
    after_weight = place - before
    for index, weight in ((before, 1 - after_weight), (before + 1, after_weight)):
        yield index.long().clamp(0, last), weight * ((index >= 0) & (index <= last))


def at_size(flow: Flow, current: Images, previous: Images, size: Size) -> Float[Tensor, "b 2 h w"]:
    """The flow of a provider that sees both images at another size; it may answer on a coarser grid than it sees."""
    whole = (current.shape[2], current.shape[3])
    seen = flow(_resized(current, size), _resized(previous, size))
    return _resized(seen, whole) * seen.new_tensor([whole[1] / size[1], whole[0] / size[0]])[:, None, None]


def at_scale(flow: Flow, current: Images, previous: Images, scale: float = 0.5) -> Float[Tensor, "b 2 h w"]:
    """The flow of a provider that sees both images reduced: half their size takes a quarter of the time."""
    h, w = current.shape[2:]
    return at_size(flow, current, previous, (max(1, round(h * scale)), max(1, round(w * scale))))


def at_multiple(
    flow: Flow, current: Images, previous: Images, multiple: int, least: int = 1
) -> Float[Tensor, "b 2 h w"]:
    """The flow of a network whose sides must be multiples, and no smaller than `least`: smaller ones are enlarged."""
    h, w = (max(least, -(-side // multiple) * multiple) for side in current.shape[2:])
    return at_size(flow, current, previous, (h, w))


def _resized(x: Float[Tensor, "b c _ _"], size: Size) -> Float[Tensor, "b c h2 w2"]:
    x = precise(x)
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
