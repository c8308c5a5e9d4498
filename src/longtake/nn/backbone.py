"""ImageNet backbones from torchvision behind one shape: a stem convolution, then features at strides 4, 8, 16 and on.

The stem is apart because a memory encoder adds masks to its pre-activation (STM, section 3.1). Batch norm always uses
its stored statistics; its affine parameters stay trainable.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

BackboneName = Literal["mobilenet_v2", "resnet18", "resnet50", "resnet101"]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Widths:
    """Channels of the stem's pre-activation, of the features at strides 4, 8 and 16, and of the last features."""

    stem: int
    stride4: int
    stride8: int
    stride16: int
    last: int


class Backbone(nn.Module):
    """A stem convolution, the rest of the stem, and one stage per stride from 4 on."""

    mean: Tensor
    std: Tensor

    def __init__(self, stem: nn.Conv2d, after_stem: nn.Module, stages: list[nn.Module], widths: Widths) -> None:
        super().__init__()
        self.stem_conv = stem
        self.after_stem = after_stem
        self.stages = nn.ModuleList(stages)
        self.widths = widths
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def stem(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Pre-activation of the stem at stride 2, from RGB in [0, 1]."""
        y: Tensor = self.stem_conv((images - self.mean) / self.std)
        return y

    def features(self, stem: Float[Tensor, "b c h w"]) -> tuple[Tensor, ...]:
        """Features at strides 4, 8 and 16, and those of a further stage where built with one, from the stem."""
        x = self.after_stem(stem)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return tuple(found)

    def train(self, mode: bool = True) -> "Backbone":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.training = False
        return self


Depth = Literal["stride16", "stride32", "dilated"]
"""Where a backbone ends. dilated: with its last layers, but at stride 16, dilated instead of halved."""


def build_backbone(name: BackboneName, depth: Depth = "stride16") -> Backbone:
    """An untrained backbone; `load_imagenet` fills it from torchvision's names."""
    if name == "mobilenet_v2":
        return _mobilenet(depth)
    return _resnet(name, depth)


def _resnet(name: BackboneName, depth: Depth) -> Backbone:
    net: torchvision.models.ResNet = getattr(torchvision.models, name)(weights=None)
    count = 3 if depth == "stride16" else 4
    if depth == "dilated":
        _dilate(net.layer4)
    stages: list[nn.Module] = [nn.Sequential(net.maxpool, net.layer1), net.layer2, net.layer3, net.layer4]
    unit = 64 if name == "resnet18" else 256
    widths = Widths(64, unit, 2 * unit, 4 * unit, 2 ** (count - 1) * unit)
    return Backbone(net.conv1, nn.Sequential(net.bn1, net.relu), stages[:count], widths)


# MobileNet-V2's features 1-3 end at stride 4, 4-6 at 8, 7-13 at 16, 14-17 at 32; 18 is a 1x1 convolution.
_MOBILENET_STAGES = ((1, 4), (4, 7), (7, 14), (14, 19))
_MOBILENET_ENDS: dict[Depth, tuple[int, int]] = {"stride16": (14, 96), "stride32": (18, 320), "dilated": (19, 1280)}


def _mobilenet(depth: Depth) -> Backbone:
    net = torchvision.models.mobilenet_v2(weights=None).features
    if depth == "dilated":
        _dilate(net[14:18])
    end, last = _MOBILENET_ENDS[depth]
    stages: list[nn.Module] = [nn.Sequential(*net[a : min(b, end)]) for a, b in _MOBILENET_STAGES if a < end]
    conv, norm, activation = net[0]
    assert isinstance(conv, nn.Conv2d)
    return Backbone(conv, nn.Sequential(norm, activation), stages, Widths(32, 24, 32, 96, last))


def _dilate(blocks: nn.Sequential) -> None:
    """Keep at its stride what would halve the size: the step taken out, every 3x3 convolution after it dilated."""
    spread = 1
    for module in blocks.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation, module.padding = (spread, spread), (spread, spread)
                spread = 2


def imagenet_names(name: BackboneName) -> dict[str, str]:
    """Torchvision's parameter prefix -> this module's, for the parts that `build_backbone` keeps."""
    if name == "mobilenet_v2":
        names = {"features.0.0.": "stem_conv.", "features.0.1.": "after_stem.0."}
        for stage, (first, end) in enumerate(_MOBILENET_STAGES):
            names |= {f"features.{i}.": f"stages.{stage}.{i - first}." for i in range(first, end)}
        return names
    return {
        "conv1.": "stem_conv.",
        "bn1.": "after_stem.0.",
        "layer1.": "stages.0.1.",
        "layer2.": "stages.1.",
        "layer3.": "stages.2.",
        "layer4.": "stages.3.",
    }


def load_imagenet(backbone: Backbone, name: BackboneName, weights: dict[str, Tensor]) -> None:
    """Fill a backbone from a torchvision state dict (classifier or deeper layers than were built are left out).

    Raises KeyError naming what is missing.
    """
    prefixes = imagenet_names(name)
    renamed = {
        ours + key.removeprefix(theirs): value.float() if value.is_floating_point() else value
        for key, value in weights.items()
        for theirs, ours in prefixes.items()
        if key.startswith(theirs)
    }
    wanted = backbone.state_dict()
    missing = [key for key in wanted if key not in renamed and not key.endswith("num_batches_tracked")]
    if missing:
        raise KeyError(f"weights for {name} lack {len(missing)} tensors, first {missing[0]}")
    backbone.load_state_dict({k: v for k, v in renamed.items() if k in wanted}, strict=False)
