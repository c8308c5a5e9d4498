"""Batch norm folded into the convolutions before it, for inference: as many passes over the features fewer."""

from collections.abc import Iterator
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(module: nn.Module) -> None:
    """Replace, in place, every convolution that a batch norm follows by one that does both.

    In a `Sequential` what follows is the next module; in torchvision's residual blocks conv1 goes with bn1 and so on.
    The module must be in evaluation mode; it computes the same but for rounding, and is not to be trained any more.
    """
    for parent in list(module.modules()):
        for conv, norm in list(_pairs(parent)):
            first, second = parent.get_submodule(conv), parent.get_submodule(norm)
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(parent, conv, fuse_conv_bn_eval(first, second))
                setattr(parent, norm, nn.Identity())


def _pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of children of which the second takes what the first gives."""
    names = [name for name, _ in parent.named_children()]
    if isinstance(parent, nn.Sequential):
        yield from pairwise(names)
    else:
        numbered = ((name, name.replace("conv", "bn")) for name in names if name.startswith("conv"))
        yield from (pair for pair in numbered if pair[1] in names and pair[1] != pair[0])
