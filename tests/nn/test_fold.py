import pytest
import torch
from torch import nn

from longtake.nn.backbone import Depth, build_backbone
from longtake.nn.fold import fold_batch_norm


@pytest.mark.parametrize(
    ("name", "depth", "left"),
    [
        ("mobilenet_v2", "dilated", 1),
        ("mobilenet_v2", "stride32", 1),
        ("resnet18", "stride32", 1),
        ("resnet50", "stride16", 1),
    ],
)
def test_the_same_features_with_no_norm_left_but_the_stem_s(name: str, depth: Depth, left: int) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name, depth).eval()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        before = backbone.features(backbone.stem(images))
        fold_batch_norm(backbone)
        after = backbone.features(backbone.stem(images))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in backbone.modules()) == left
    for ours, theirs in zip(after, before, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5 * float(theirs.abs().max()), rtol=1e-4)
