import math

import pytest
import torch

from longtake.training.losses import bootstrap_share, bootstrapped_cross_entropy, dice

# two pixels, background and one object: probabilities of the object are 0.8 and 0.4
LOG_ODDS = torch.tensor([[0.2, 0.6], [0.8, 0.4]]).log().view(1, 2, 1, 2)
IDS = torch.tensor([[[1, 1]]])


def test_cross_entropy_by_hand() -> None:
    assert bootstrapped_cross_entropy(LOG_ODDS, IDS, 1.0).item() == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)
    assert bootstrapped_cross_entropy(LOG_ODDS, IDS, 0.5).item() == pytest.approx(-math.log(0.4))


def test_dice_by_hand_and_without_padding() -> None:
    expected = 1 - (2 * 1.2 + 1) / (1.2 + 2 + 1)
    assert dice(LOG_ODDS, IDS, torch.tensor([[True]])).item() == pytest.approx(expected)
    padded = torch.cat([LOG_ODDS, torch.full((1, 1, 1, 2), -40.0)], dim=1)
    assert dice(padded, IDS, torch.tensor([[True, False]])).item() == pytest.approx(expected)


def test_the_share_of_hard_pixels_falls_to_15_percent() -> None:
    assert [bootstrap_share(p, 0.15) for p in (0, 0.2, 0.7, 1)] == pytest.approx([1, 1, 0.15, 0.15])
