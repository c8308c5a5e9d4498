"""The data sets that longtake renders: every absence of the long clips is one, and long enough."""

import numpy as np
import pytest

from longtake.data.rendered import LONG, SETS
from longtake.data.synthetic import render


@pytest.mark.parametrize("clip", LONG)
def test_the_first_object_is_away_for_a_hundred_frames_and_returns(clip: str) -> None:
    masks = [ids for _, ids in render(LONG[clip], SETS["synth-long"].frames, 120, 216, seed=0)]
    seen = np.array([(ids == 1).sum() for ids in masks])
    others = np.array([(ids == 2).sum() for ids in masks])
    away = np.flatnonzero(seen == 0)
    assert len(away) >= 100
    assert (np.diff(away) == 1).all()  # one absence, in one piece
    assert seen[0] > 30 and seen[-1] > 30
    assert (others > 0).all()
