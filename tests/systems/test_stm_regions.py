"""The compact STM in regions about its objects, against the same system everywhere."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.systems.stm import compact
from longtake.systems.stm.presets import CompactSTMPreset
from longtake.systems.zoo import ZOO

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
RUN = runtime("cpu", "float32")


def system(margin: int | None) -> compact.CompactSTM:
    """A tiny system of fixed weights."""
    preset = ZOO["stm-mobilenet-v2"].tiny()
    assert isinstance(preset, CompactSTMPreset)
    torch.manual_seed(0)
    model = dataclasses.replace(preset, margin=margin).build()
    model.local = True
    return model.eval()


def follow(model: compact.CompactSTM, images: list[np.ndarray], first: np.ndarray) -> list[np.ndarray]:
    """The probabilities of every frame."""
    session = Session(model, run=RUN)
    return [session.push(image, None if k else first).probabilities for k, image in enumerate(images)]


def test_regions_as_large_as_the_frame_change_nothing(rendered: Rendered) -> None:
    images, ids = rendered(8)
    ours, theirs = (follow(system(margin), images, ids[0]) for margin in (None, 99))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def spot(top: int, left: int, size: int = 24) -> torch.Tensor:
    """A mask [h, w] with a square of an object."""
    mask = torch.zeros(320, 480)
    mask[top : top + size, left : left + size] = 1
    return mask


def test_what_is_remembered_with_regions_is_what_would_be_without() -> None:
    model = system(4).requires_grad_(False)
    features = model.encode(compact.Inputs(torch.rand(1, 3, 320, 480), torch.zeros(1, 3, 320, 480)))
    masks = torch.stack([spot(32, 32), spot(32, 100), spot(240, 400)])
    pairs = torch.stack([masks, masks.sum(dim=0) - masks], dim=1)[None]
    seen = features.f4, features.f8, features.f16
    local, everywhere = model._remember_locally(pairs, *seen), model.remember(pairs, *seen)
    error = (local - everywhere).abs().flatten(0, 2) / everywhere.abs().mean()
    assert 0 < error.max() < 0.2
    assert error.mean() < 1e-3


def test_nothing_is_found_where_an_object_neither_was_nor_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    model, image = system(1), np.zeros((320, 480, 3), np.uint8)
    asked = list[tuple[int, ...]]()
    inner = model.decoder.forward
    monkeypatch.setattr(model.decoder, "forward", lambda found, *rest: asked.append(found.shape) or inner(found, *rest))
    session = Session(model, run=RUN)
    session.push(image, {1: spot(32, 32).numpy() > 0})
    shown = session.push(image).probabilities[1]
    assert asked[0][-2:] < (20, 30)
    assert shown[32:56, 32:56].max() > 0
    assert shown[:, 240:].max() < 1e-6


def test_one_object_less_does_not_change_the_others(rendered: Rendered) -> None:
    images, ids = rendered(4)
    model = system(1)
    both, alone = Session(model, run=RUN), Session(model, run=RUN)
    both.push(images[0], ids[0])
    alone.push(images[0], {1: ids[0] == 1})
    gone = Session(model, run=RUN)
    gone.push(images[0], {1: ids[0] == 1, 2: np.zeros_like(ids[0], bool)})
    one, other = alone.push(images[1]).probabilities[1], gone.push(images[1]).probabilities[1]
    np.testing.assert_allclose(one, other, atol=1e-5)
