"""torchvision's Mask R-CNN as a finder of objects of any class.

Shapes: p what is found, h, w the image's size.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2

CLASSES = "roi_heads.box_predictor.cls_score.weight"
"""Its rows are the classes, background among them: 91 for COCO, 2 where it was tuned to find anything."""

SECOND = "rpn.head.conv.1.0.weight"
"""A tensor that the second version alone has: two convolutions in the region proposal network."""


class MaskRCNNFinder(nn.Module):
    """Mask R-CNN with ResNet-50-FPN, either version of torchvision's, of as many classes as the weights have.

    At most 50 detections of any score; of overlapping ones of a class (boxes by 0.4) the best (DMM-Net).
    """

    def __init__(self, classes: int, *, second: bool, short_side: int = 800) -> None:
        """second: the second version. short_side: images are brought to it, to less if they are wider than 5:3."""
        super().__init__()
        make = maskrcnn_resnet50_fpn_v2 if second else maskrcnn_resnet50_fpn
        self.network: MaskRCNN = make(
            weights=None,
            weights_backbone=None,
            num_classes=classes,
            min_size=short_side,
            max_size=round(short_side * 1333 / 800),
            box_score_thresh=0.0,
            box_nms_thresh=0.4,
            box_detections_per_img=50,
        )
        for module in () if second else self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0  # as torchvision has it for the first version's published weights

    def forward(self, image: Float[Tensor, "3 h w"]) -> tuple[Float[Tensor, "p h w"], Float[Tensor, "p"]]:
        """How sure it is of each pixel of what it finds in an RGB image in [0, 1], and of it as a whole."""
        found = self.network([image])[0]
        return found["masks"][:, 0], found["scores"]


def finder_for(weights: Mapping[str, Tensor], short_side: int = 800) -> MaskRCNNFinder | None:
    """The network that weights under torchvision's names are for; None where they are no Mask R-CNN's."""
    if CLASSES not in weights:
        return None
    return MaskRCNNFinder(len(weights[CLASSES]), second=SECOND in weights, short_side=short_side)
