from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch

from longtake.engine.propagate import propagate
from longtake.engine.runtime import runtime
from longtake.errors import MaskError, SettingError, SourceError
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO
from longtake.types import Frame, Masks, Prediction

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def tiny() -> AnySystem:
    torch.manual_seed(0)
    return ZOO["stm-mobilenet-v2"].tiny().build().eval()


def frames(images: list[np.ndarray]) -> list[Frame]:
    return [Frame(i, str(i), Fraction(i), True, image) for i, image in enumerate(images)]


def given(prompts: dict[int, np.ndarray]) -> Callable[[Frame], Masks | None]:
    def look(frame: Frame) -> Masks | None:
        if frame.index not in prompts:
            return None
        labels = prompts[frame.index].astype(np.uint16)
        return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), "given")

    return look


@pytest.mark.parametrize("short_side", [None, 480, 32])
def test_every_frame_comes_out_at_its_own_size(tiny: AnySystem, rendered: Rendered, short_side: int | None) -> None:
    images, ids = rendered(4, 61, 97)
    out = list(propagate(tiny, frames(images), given({0: ids[0] * 7}), short_side=short_side))
    assert len(out) == 4
    for prediction in out:
        assert prediction.ids == (7, 14)
        assert prediction.probabilities.shape == (3, 61, 97)
        assert set(np.unique(prediction.labels)) <= {0, 7, 14}
    assert np.array_equal(out[0].labels, ids[0] * 7)
    assert [prediction.given for prediction in out] == [True, False, False, False]


def test_a_given_frame_keeps_the_persons_pixels_beside_other_objects(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(4)
    late = np.where(ids[3] == 2, 2, 0)
    out = list(propagate(tiny, frames(images), given({0: np.where(ids[0] == 1, 1, 0), 3: late})))
    assert np.array_equal(out[3].labels == 2, late == 2)
    assert out[3].ids == (1, 2)
    np.testing.assert_allclose(out[3].probabilities.sum(0), 1, atol=1e-5)


def test_frames_and_predictions_stream(tiny: AnySystem, rendered: Rendered) -> None:
    """The generator asks for a frame only when its prediction is wanted."""
    images, ids = rendered(4)
    asked = []

    def source() -> object:
        for frame in frames(images):
            asked.append(frame.index)
            yield frame

    predictions = propagate(tiny, source(), given({0: ids[0]}))
    assert isinstance(next(predictions), Prediction)
    assert asked == [0]


def test_masks_and_frames_that_do_not_fit_are_named(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(3)
    with pytest.raises(MaskError, match="given: 10x10 pixels, but frame 0 is 96x64"):
        list(propagate(tiny, frames(images), given({0: np.ones((10, 10))})))
    with pytest.raises(SourceError, match="all must agree"):
        list(propagate(tiny, frames([images[0], images[1][:32]]), given({0: ids[0]})))


def test_an_empty_mask_after_the_first_says_nothing(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(3)
    plain = list(propagate(tiny, frames(images), given({0: ids[0]})))
    with_empty = list(propagate(tiny, frames(images), given({0: ids[0], 1: np.zeros_like(ids[0])})))
    assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in zip(plain, with_empty, strict=True))


def test_runtime_names_what_is_missing() -> None:
    with pytest.raises(SettingError, match="--device abacus"):
        runtime("abacus")
    with pytest.raises(SettingError, match="--precision half"):
        runtime("cpu", "half")
    assert runtime("cpu", "float32").dtype == torch.float32
