"""Faults put into what is remembered: patches of one colour, leaked or lost, and nothing else."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.engine.faults import patches, with_faults


def halves(count: int, height: int = 32, width: int = 48) -> torch.Tensor:
    """Images that are black on the left and white on the right."""
    images = torch.zeros(count, 3, height, width)
    images[..., width // 2 :] = 1
    return images


def test_a_patch_keeps_to_the_colour_of_its_middle() -> None:
    torch.manual_seed(1)
    found = patches(halves(200), torch.ones(200, 1, 32, 48))[:, 0]
    left, right = found[:, :, :24].sum(dim=(1, 2)), found[:, :, 24:].sum(dim=(1, 2))
    assert ((left == 0) | (right == 0)).all()
    assert (left + right >= 1).all()
    assert 0.3 < (left > 0).float().mean() < 0.7


def test_a_quarter_of_masks_leak_a_quarter_lose_the_others_stay() -> None:
    torch.manual_seed(2)
    count = 400
    masks = torch.zeros(count, 1, 32, 48)
    masks[..., 24:] = 1
    found = with_faults(masks, halves(count), torch.ones(count, 1).bool())
    more, less = (change.clamp(min=0).flatten(1).sum(dim=1) > 0 for change in (found - masks, masks - found))
    assert not (more & less).any()
    assert 0.2 < less.float().mean() < 0.3
    assert 0.08 < more.float().mean() < 0.25  # leaks that begin within the object add little or nothing
    assert (found[~more & ~less] == masks[~more & ~less]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(4, 40), st.integers(4, 40))
def test_masks_stay_shares_of_one_pixel_and_padding_stays_empty(
    seed: int, objects: int, height: int, width: int
) -> None:
    torch.manual_seed(seed)
    shares = torch.rand(2, objects + 1, height, width).softmax(dim=1)[:, 1:]
    valid = torch.ones(2, objects, dtype=torch.bool)
    valid[1, -1] = False
    masks = shares * valid[:, :, None, None]
    found = with_faults(masks, torch.rand(2, 3, height, width), valid)
    assert (found >= 0).all() and (found.sum(dim=1) <= 1 + 1e-5).all()
    assert (found[1, -1] == 0).all()
