import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.systems.teaching import Teaching
from longtake.training.losses import auxiliary, losses

# two pixels, background and one object: probabilities of the object are 0.8 and 0.4
LOG_ODDS = torch.tensor([[0.2, 0.6], [0.8, 0.4]]).log().view(1, 2, 1, 2)
IDS = torch.tensor([[[1, 1]]])
ONE = torch.tensor([[True]])
ALL = {"cross_entropy": 1.0, "bootstrapped": 1.0, "dice": 1.0, "dice_present": 1.0, "iou": 1.0, "jaccard": 1.0}


def told(log_odds: torch.Tensor, ids: torch.Tensor, valid: torch.Tensor, hardest: float = 0.5) -> dict[str, float]:
    found = losses(Teaching(losses=ALL, hardest=hardest), 0.0, log_odds, ids, valid)
    return {name: value.mean().item() for name, value in found.items()}


def test_losses_by_hand() -> None:
    found = told(LOG_ODDS, IDS, ONE)
    assert found["cross_entropy"] == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)
    assert found["bootstrapped"] == pytest.approx(-math.log(0.4))  # the worse half
    assert found["dice"] == pytest.approx(1 - (2 * 1.2 + 1) / (1.2 + 2 + 1))
    assert found["iou"] == pytest.approx(1 - 1.2 / 2)
    # background is not in the truth, so the object alone counts
    assert found["dice_present"] == pytest.approx(1 - (2 * 1.2 + 1) / (1.2 + 2 + 1))
    assert found["jaccard"] == pytest.approx(1 - (1.2 + 1) / (1.2 + 2 - 1.2 + 1))


def test_jaccard_and_dice_present_count_background_where_the_truth_has_it() -> None:
    found = told(LOG_ODDS, torch.tensor([[[1, 0]]]), ONE)
    own, ground = (0.8 + 1) / (1.2 + 1 - 0.8 + 1), (0.6 + 1) / (0.8 + 1 - 0.6 + 1)
    assert found["jaccard"] == pytest.approx(1 - (own + ground) / 2)
    own, ground = (2 * 0.8 + 1) / (1.2 + 1 + 1), (2 * 0.6 + 1) / (0.8 + 1 + 1)
    assert found["dice_present"] == pytest.approx(1 - (own + ground) / 2)
    assert found["dice"] == pytest.approx(1 - own)


def test_void_pixels_count_nowhere() -> None:
    wide = torch.cat([LOG_ODDS, torch.tensor([[0.1], [0.9]]).log().view(1, 2, 1, 1)], dim=3)
    void = torch.tensor([[[1, 1, 255]]])
    assert told(wide, void, ONE) == pytest.approx(told(LOG_ODDS, IDS, ONE))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 3))
def test_a_clip_has_its_loss_however_it_is_batched_and_padded(seed: int, clips: int, padding: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    log_odds = torch.randn(clips, 3, 6, 5, generator=draw, dtype=torch.float64)
    ids = torch.randint(0, 3, (clips, 6, 5), generator=draw)
    valid = torch.ones(clips, 2, dtype=torch.bool)
    teaching = Teaching(losses=ALL, hardest=0.3)
    together = losses(teaching, 0.5, log_odds, ids, valid)
    more = torch.randn(clips, padding, 6, 5, generator=draw, dtype=torch.float64)
    none = torch.zeros(clips, padding, dtype=torch.bool)
    padded = losses(teaching, 0.5, torch.cat([log_odds, more], 1), ids, torch.cat([valid, none], 1))
    for name, values in together.items():
        torch.testing.assert_close(padded[name], values)
        for i in range(clips):
            alone = losses(teaching, 0.5, log_odds[i : i + 1], ids[i : i + 1], valid[i : i + 1])
            torch.testing.assert_close(alone[name][0], values[i])


def test_clips_without_objects_give_no_overlap_loss_and_a_gradient() -> None:
    log_odds = torch.randn(1, 2, 4, 4, requires_grad=True)
    found = losses(Teaching(losses=ALL), 0.0, log_odds, torch.zeros(1, 4, 4, dtype=torch.long), torch.tensor([[False]]))
    assert found["dice"].item() == found["iou"].item() == 0
    sum(value.sum() for value in found.values()).backward()
    assert log_odds.grad is not None
    assert log_odds.grad.isfinite().all()


def test_auxiliary_outputs_at_another_scale() -> None:
    ids = torch.zeros(1, 8, 8, dtype=torch.long)
    ids[:, :4] = 2
    right = torch.full((1, 3, 2, 2), -20.0)
    right[:, 2, 0] = right[:, 0, 1] = 20
    valid = torch.tensor([[True, True]])
    plain, both = Teaching(), Teaching(losses={"cross_entropy": 0.5, "dice_present": 2.0})
    assert auxiliary(plain, 0.0, right, ids, valid).item() == pytest.approx(0, abs=1e-6)
    wrong, near = right.flip(1), torch.tensor([[[2, 2], [0, 0]]])
    each = losses(both, 0.0, wrong, near, valid)
    expected = 0.5 * each["cross_entropy"] + 2 * each["dice_present"]
    torch.testing.assert_close(auxiliary(both, 0.0, wrong, ids, valid), expected)
    anything = torch.full((1, 2, 2, 2), -20.0)
    anything[:, 1, 0] = anything[:, 0, 1] = 20
    assert auxiliary(plain, 0.0, anything, ids, valid, any_object=True).item() == pytest.approx(0, abs=1e-6)
    assert auxiliary(plain, 0.0, anything.flip(1), ids, valid, any_object=True).item() > 10
    assert auxiliary(plain, 0.0, torch.tensor([0.7]), ids, valid).tolist() == pytest.approx([0.7])
