"""What a session says it would look at: for every object, over what is remembered, and nothing changed by asking."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from longtake.engine.session import Session
from longtake.errors import SourceError
from longtake.memory import tree
from longtake.systems.models import load
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def tiny() -> AnySystem:
    torch.manual_seed(0)
    return ZOO["stm-mobilenet-v2"].tiny().build().eval()


def test_explaining_changes_nothing(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(4)
    plain, asked = Session(tiny), Session(tiny)
    for t, image in enumerate(images):
        before = asked.moment()
        asked.explain(image)
        assert asked.moment() is before
        a, b = (session.push(image, ids[0] if t == 0 else None) for session in (plain, asked))
        assert np.array_equal(a.probabilities, b.probabilities)
        for one, other in zip(plain.moment().state.cohorts, asked.moment().state.cohorts, strict=True):
            pairs = zip(tree.flatten(one.memory), tree.flatten(other.memory), strict=True)
            assert all(torch.equal(x, y) for x, y in pairs)
    asked.rewind(2)
    assert asked.time == 2


def test_areas_are_those_of_the_prediction_and_shares_sum_to_one(rendered: Rendered) -> None:
    """The bundled model, with an object that came late and so has a memory of its own."""
    images, ids = rendered(20, 61, 90)
    session = Session(load()[0])
    for t in range(4):
        session.push(images[t], {0: {7: ids[0] == 1}, 2: {3: ids[2] == 2}}.get(t))
    explanations = session.explain(images[4])
    remembered = session.remembered
    prediction = session.push(images[4])
    assert [e.id for e in explanations] == [7, 3]
    assert remembered == {0, 2, 3}
    for explanation, times in zip(explanations, ([0, 3], [2, 3]), strict=True):
        assert np.array_equal(explanation.area_in_frame(), prediction.labels == explanation.id)
        assert explanation.area_in_frame().any()
        assert [look.time for look in explanation.looks] == times
        assert sum(float(look.weights.sum()) for look in explanation.looks) == pytest.approx(1, abs=1e-5)
        assert all(explanation.weights_in_frame(look).shape == (61, 90) for look in explanation.looks)


def test_the_bundled_model_looks_at_the_object_itself(rendered: Rendered) -> None:
    images, ids = rendered(3, 180, 320)
    session = Session(load()[0])
    session.push(images[0], ids[0])
    session.push(images[1])
    for explanation in session.explain(images[2]):
        first = explanation.weights_in_frame(explanation.looks[0])
        on = first[ids[0] == explanation.id].mean()
        assert on > 3 * first[ids[0] != explanation.id].mean()


def test_for_an_object_that_has_left_nothing_is_looked_at(rendered: Rendered) -> None:
    images, ids = rendered(9, 90, 160)
    session = Session(load()[0])
    for t in range(4):
        session.push(images[t], ids[0] if t == 0 else None)
    seen, gone = session.explain(images[4])
    assert not (ids[4] == 2).any()
    assert seen.area.any()
    assert not gone.area.any()
    assert all(float(look.weights.abs().sum()) == 0 for look in gone.looks)


def test_nothing_followed_is_nothing_looked_at_and_sizes_must_agree(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(2)
    session = Session(tiny)
    assert session.explain(images[0]) == ()
    assert session.remembered == frozenset()
    session.push(images[0], ids[0])
    with pytest.raises(SourceError, match="96x32 pixels, but the first is 96x64"):
        session.explain(images[1][:32])
