"""The losses of a clip do not depend on its batch; auxiliary outputs are held against their own objects and frames."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from longtake.engine.step import Auxiliary, rules_for
from longtake.engine.unroll import Unroll
from longtake.errors import SettingError
from longtake.systems.protocol import AnySystem
from longtake.systems.teaching import Teaching
from longtake.systems.zoo import ZOO
from longtake.training.batch import make_batch
from longtake.training.objective import objective

TEACHING = Teaching(losses={"cross_entropy": 1.0, "dice": 0.5})


def clips() -> tuple[Tensor, Tensor]:
    """Two clips; in the first, an object comes late and over the other one."""
    draw = torch.Generator().manual_seed(4)
    images = torch.randint(0, 256, (2, 5, 3, 64, 64), generator=draw, dtype=torch.uint8)
    ids = torch.zeros(2, 5, 64, 64, dtype=torch.uint8)
    ids[:, :, :40, :40] = 1
    ids[0, 1:, :30, :50] = 2
    return images, ids


@pytest.mark.parametrize("feedback", ["soft", "truth"])
def test_a_clip_has_its_loss_whatever_else_is_in_the_batch(system: AnySystem, feedback: Any) -> None:
    system = system.double()
    # a network that finds something, so that late objects take pixels from others
    with torch.no_grad():
        for module in system.modules():
            if isinstance(module, nn.Conv2d) and module.out_channels <= 2 and module.bias is not None:
                module.bias.fill_(2.0)
    unroll = Unroll(system, rules_for(system, feedback=feedback))
    images, ids = clips()
    cpu = torch.device("cpu")
    with torch.no_grad():
        late = not system.kept_together  # where it is, clips come one by one: `check_late`
        both = make_batch(images, ids, cpu, torch.float64, late=late)
        assert not late or both.clip.first == (0, 1)
        together = objective(unroll, TEACHING, 0.0, both)[0]["loss"]
        alone = [
            objective(unroll, TEACHING, 0.0, make_batch(images[[i]], ids[[i]], cpu, torch.float64, late=late))
            for i in range(2)
        ]
    mean = torch.stack([found["loss"] for found, _ in alone]).mean()
    torch.testing.assert_close(together, mean, atol=1e-5, rtol=0)


def test_what_is_said_of_any_object_costs_the_same_whatever_else_is_in_the_batch() -> None:
    """One object or two in a batch: the classifier's cross-entropy has its own weight and no other loss."""
    torch.manual_seed(0)
    system = ZOO["dtmnet-mobilenet-v2"].tiny().build().double().train()
    unroll, cpu = Unroll(system, rules_for(system)), torch.device("cpu")
    teaching = Teaching(losses={"cross_entropy": 0.2, "dice": 0.5}, auxiliary={"classifier": 0.7})
    images, ids = clips()
    with torch.no_grad():
        both = make_batch(images, ids, cpu, torch.float64, late=True)
        together = objective(unroll, teaching, 0.0, both)[0]
        alone = [
            objective(unroll, teaching, 0.0, make_batch(images[[i]], ids[[i]], cpu, torch.float64, late=True))[0]
            for i in range(2)
        ]
    for name in ("loss", "classifier"):
        mean = torch.stack([found[name] for found in alone]).mean()
        torch.testing.assert_close(together[name], mean, atol=1e-6, rtol=0)


class Speaks(nn.Module):
    """Stands in for Unroll: log-odds of nothing, and the given auxiliary outputs."""

    def __init__(self, spoken: list[Auxiliary]) -> None:
        super().__init__()
        self.spoken = spoken

    def forward(self, clip: Any, feedback: Any) -> tuple[list[Tensor], list[Auxiliary]]:
        b, t, _, h, w = clip.masks.shape
        return [torch.zeros(b, 1 + clip.known(i), h, w) for i in range(1, t)], self.spoken


def sure(ids: Tensor, channels: int) -> Tensor:
    """Log-odds that are certain of ids [b, h, w]."""
    return 40 * nn.functional.one_hot(ids.long(), channels).permute(0, 3, 1, 2).float() - 20


def test_auxiliary_outputs_speak_of_their_own_objects_and_frames() -> None:
    images, ids = clips()
    batch = make_batch(images, ids, torch.device("cpu"), late=True)
    late = (ids[:, 3] == 2).long()
    right = [
        Auxiliary("nodes", (1,), 2, sure((ids[:, 2] == 1).long(), 2)),
        Auxiliary("nodes", (1, 2), 3, sure(ids[:, 3], 3)),
        Auxiliary("nodes", (2,), 3, sure(late, 2)),
        Auxiliary("nodes", (1, 2), 1, sure((ids[:, 1] > 0).long(), 2), any_object=True),
    ]
    teaching = Teaching(auxiliary={"nodes": 2.0})
    found, _ = objective(Speaks(right), teaching, 0.0, batch)
    assert found["nodes"].item() == pytest.approx(0, abs=1e-6)
    # the second clip has no object 2, so what is said of it costs nothing there
    wrong = [Auxiliary("nodes", (2,), 3, sure(1 - late, 2))]
    found, _ = objective(Speaks(wrong), teaching, 0.0, batch)
    assert found["nodes"].item() == pytest.approx(40 / 2, rel=1e-4)
    assert found["loss"].item() - found["cross_entropy"].item() == pytest.approx(40, rel=1e-4)
    with pytest.raises(SettingError, match="no output of the system is named edges"):
        objective(Speaks(right), Teaching(losses={}, auxiliary={"edges": 1.0}), 0.0, batch)


def test_a_name_may_speak_of_an_earlier_frame() -> None:
    from longtake.engine.step import _auxiliary

    value = torch.zeros(1)
    found = _auxiliary((3,), 5, {"nodes@-2": value, "edges": value})
    assert [(each.name, each.frame) for each in found] == [("nodes", 3), ("edges", 5)]
