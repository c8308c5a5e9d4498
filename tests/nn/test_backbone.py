import pytest
import torch
import torchvision

from longtake.nn.backbone import build_backbone, load_imagenet


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "resnet50"])
@pytest.mark.parametrize("deepest", [16, 32])
def test_features_have_the_promised_widths_and_strides(name: str, deepest: int) -> None:
    backbone = build_backbone(name, deepest).eval()
    features = backbone.features(backbone.stem(torch.rand(1, 3, 64, 96)))
    widths = [backbone.widths.stride4, backbone.widths.stride8, backbone.widths.stride16, backbone.widths.stride32]
    for stride, width, feature in zip((4, 8, 16, 32), widths, features, strict=False):
        assert feature.shape == (1, width, 64 // stride, 96 // stride)
    assert len(features) == (4 if deepest == 32 else 3)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18"])
def test_torchvisions_weights_give_torchvisions_features(name: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    ours = build_backbone(name, 32).eval()
    load_imagenet(ours, name, theirs.state_dict())
    images = torch.rand(1, 3, 64, 64)
    deepest = ours.features(ours.stem(images))[-1]
    normal = (images - ours.mean) / ours.std
    if name == "mobilenet_v2":
        expected = theirs.features[:18](normal)
    else:
        parts = (theirs.conv1, theirs.bn1, theirs.relu, theirs.maxpool)
        expected = torch.nn.Sequential(*parts, theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4)(normal)
    torch.testing.assert_close(deepest, expected)


def test_missing_weights_are_named() -> None:
    with pytest.raises(KeyError, match=r"stem_conv\.weight"):
        load_imagenet(build_backbone("resnet18"), "resnet18", {})


def test_batch_norm_keeps_its_statistics_in_training() -> None:
    backbone = build_backbone("resnet18").train()
    before = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
    backbone.features(backbone.stem(torch.rand(2, 3, 32, 32)))
    assert all(torch.equal(v, backbone.state_dict()[k]) for k, v in before.items())
