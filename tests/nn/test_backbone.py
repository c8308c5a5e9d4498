import pytest
import torch
import torchvision

from longtake.nn.backbone import BackboneName, Depth, build_backbone, load_imagenet


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "resnet50"])
@pytest.mark.parametrize(("depth", "last"), [("stride16", 16), ("stride32", 32), ("dilated", 16)])
def test_features_have_the_promised_widths_and_strides(name: str, depth: Depth, last: int) -> None:
    backbone = build_backbone(name, depth).eval()
    features = backbone.features(backbone.stem(torch.rand(1, 3, 64, 96)))
    widths = [backbone.widths.stride4, backbone.widths.stride8, backbone.widths.stride16]
    for stride, width, feature in zip((4, 8, 16), widths, features, strict=False):
        assert feature.shape == (1, width, 64 // stride, 96 // stride)
    assert features[-1].shape == (1, backbone.widths.last, 64 // last, 96 // last)
    assert len(features) == (3 if depth == "stride16" else 4)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "resnet50"])
def test_a_dilated_backbone_looks_as_far_as_the_one_at_stride_32(name: BackboneName) -> None:
    """The same weights on the same image: every second position of the dilated one, where the step to 32 fell."""
    torch.manual_seed(0)
    coarse, fine = (build_backbone(name, depth).double().eval() for depth in ("stride32", "dilated"))
    fine.load_state_dict({**fine.state_dict(), **coarse.state_dict()})
    image = torch.rand(1, 3, 65, 97, dtype=torch.float64)
    with torch.no_grad():
        expected = coarse.features(coarse.stem(image))[-1]
        stages = fine.features(fine.stem(image))[2]
        for layer in fine.stages[3][:-1] if name == "mobilenet_v2" else fine.stages[3]:
            stages = layer(stages)
    torch.testing.assert_close(stages[..., ::2, ::2], expected)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18"])
def test_torchvisions_weights_give_torchvisions_features(name: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    ours = build_backbone(name, "stride32").eval()
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
