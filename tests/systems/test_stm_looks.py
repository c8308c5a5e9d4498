"""What STM looks at, against the whole affinity of a frame."""

import pytest
import torch

from longtake.nn.attention import Similarity, affinity
from longtake.systems.protocol import Inputs, Targets
from longtake.systems.zoo import ZOO


@pytest.mark.parametrize(
    ("name", "similarity", "top", "given"),
    [
        ("stm-resnet50", "dot", None, 0),
        ("stm-mobilenet-v2", "euclidean", None, 0),
        ("stm-mobilenet-v2", "euclidean", 4, 0),
        ("stm-mobilenet-v2", "euclidean", None, 3),
    ],
)
def test_weights_are_those_of_the_pixels_inside_the_objects_area(
    name: str, similarity: Similarity, top: int | None, given: float
) -> None:
    torch.manual_seed(0)
    system = ZOO[name].tiny().build().eval().double()  # in which nothing ties by rounding
    system.top, system.given = top, given
    images, masks = torch.rand(3, 1, 3, 64, 96).double(), torch.zeros(1, 2, 64, 96).double()
    masks[:, 0, :32, :48], masks[:, 1, 48:, 16:] = 1, 1  # whole cells of the grid at stride 16
    valid = torch.ones(1, 2, dtype=torch.bool)
    targets = Targets(masks, torch.zeros(1, 1, 64, 96).double(), valid, (True, True))
    with torch.no_grad():
        first, second, now = (system.encode(Inputs(image, image)) for image in images)
        memory = system.begin(first, targets, system.policy.plan(0, "given", ())).memory
        plan = system.policy.plan(3, "predicted", system.held(memory))
        memory = system.memorize(second, targets, None, memory, plan).memory
        looks = system.looks(memory, system.segment(now, memory, valid, 4).trace, masks)
        keys = torch.cat([entry.keys.flatten(3) for entry in memory.entries], dim=3)
        bias = torch.tensor([given, 0.0]).double().repeat_interleave(24) if given else None
        weights = affinity(keys, now.key.flatten(2), similarity, top, bias).expand(-1, 2, -1, -1)
    inside = masks[:, :, 8::16, 8::16].flatten(2).bool()
    assert [(look.what, look.time) for look in looks] == [("memory", 0), ("memory", 3)]
    for i in range(2):
        expected = weights[0, i, inside[0, i]].mean(0).reshape(2, 4, 6)
        found = torch.stack([look.weights[0, i] for look in looks])
        torch.testing.assert_close(found, expected)
        assert float(found.sum()) == pytest.approx(1, abs=1e-5)
