"""The trunk of LSTNet: a backbone that sees a mask beside the image (section 3.2).

Shapes: b batch, n objects, h height, w width.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from longtake.nn.backbone import Backbone
from longtake.nn.gates import ChannelSpatialGates
from longtake.systems.objects import fold, spread

StageAttention = Literal["se", "cbam", "none"]

AFTER = 1
"""The stage that attention follows: stride 8, ResNet's Conv3."""


class Trunk(nn.Module):
    """Features at strides 4, 8, 16 and 32 of an image and the area of objects in it."""

    def __init__(self, backbone: Backbone, attention: StageAttention) -> None:
        super().__init__()
        self.backbone = backbone
        self.mask_stem = mask_stem(backbone)
        width = backbone.widths.stride8
        kinds: dict[StageAttention, nn.Module] = {
            "se": SqueezeExcitation(width, max(1, width // 16)),
            "cbam": ChannelSpatialGates(width),
            "none": nn.Identity(),
        }
        self.attention = kinds[attention]

    def forward(self, stem: Float[Tensor, "b c h2 w2"], mask: Float[Tensor, "b 1 h w"]) -> list[Tensor]:
        """stem: the image's, before its activation."""
        x, found = self.backbone.after_stem(stem + self.mask_stem(mask)), list[Tensor]()
        for number, stage in enumerate(self.backbone.stages):
            x = stage(x)
            x = self.attention(x) if number == AFTER else x
            found.append(x)
        return found

    def near(self, stem: Float[Tensor, "b c h2 w2"], masks: Float[Tensor, "b n h w"]) -> Float[Tensor, "bn _ h4 w4"]:
        """Features at stride 4 of the image and each object's own mask (section 3.3)."""
        x = spread(stem, masks.shape[1]) + self.mask_stem(fold(masks)[:, None])
        y: Tensor = self.backbone.stages[0](self.backbone.after_stem(x))
        return y


def mask_stem(backbone: Backbone) -> nn.Conv2d:
    """A convolution of a mask as the backbone's first one is of the image, to be added to it."""
    own = backbone.stem_conv
    size, stride = own.kernel_size[0], own.stride[0]
    return nn.Conv2d(1, own.out_channels, size, stride, padding=size // 2)
