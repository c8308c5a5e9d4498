"""What a system does when it is told a part of the truth (LVOS, table 5)."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.engine.unroll import Clip, Unroll
from longtake.errors import MaskError
from longtake.systems.protocol import AnySystem
from longtake.types import Masks, Prediction

Rendered = tuple[list[np.ndarray], list[np.ndarray]]


def follow(system: AnySystem, rendered: Rendered, truths: list[np.ndarray | None], **rules: object) -> list[Prediction]:
    images, ids = rendered
    session = Session(system, rules=rules_for(system, **rules), run=runtime("cpu", "float32"), short_side=None)
    known = [None if truth is None else Masks.of(truth) for truth in truths]
    return [
        session.push(image, ids[0] if t == 0 else None, truth)
        for t, (image, truth) in enumerate(zip(images, known, strict=True))
    ]


def test_an_object_keeps_to_its_true_box(system: AnySystem, rendered: Callable[..., Rendered]) -> None:
    images, ids = rendered(5)
    truth = [labels.copy() for labels in ids]
    truth[3][truth[3] == 2] = 0
    plain = follow(system, (images, ids), list(truth))
    boxed = follow(system, (images, ids), list(truth), boxes=True)
    for t in range(1, 5):
        for name in (1, 2):
            found, wanted = boxed[t].labels == name, truth[t] == name
            rows, columns = np.nonzero(wanted.any(1))[0], np.nonzero(wanted.any(0))[0]
            inside, rim = np.zeros_like(found), 2 if system.fit.fill == "resize" else 0
            if len(rows):
                upper, left = max(0, rows[0] - rim), max(0, columns[0] - rim)
                inside[upper : rows[-1] + rim + 1, left : columns[-1] + rim + 1] = True
            assert not found[~inside].any()
            assert (boxed[t].probabilities[boxed[t].ids.index(name) + 1][~inside] == 0).all()
        assert np.isfinite(boxed[t].probabilities).all()
    if system.accepts_policy:
        first = plain[1].probabilities, boxed[1].probabilities
        assert not np.array_equal(*first)


def test_remembering_the_truth_is_what_training_with_it_does(system: AnySystem, clip: Clip) -> None:
    rules = rules_for(system, feedback="truth")
    with torch.no_grad():
        outputs, _ = Unroll(system, rules)(clip)
    pictures = [(image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for image in clip.images[0]]
    ids = [(masks[0] + 2 * masks[1]).numpy().astype(np.uint8) for masks in clip.masks[0]]
    found = follow(system, (pictures, ids), list(ids), feedback="truth")
    for output, prediction in zip(outputs, found[1:], strict=True):
        np.testing.assert_allclose(output.softmax(1)[0].numpy(), prediction.probabilities, atol=3e-5)


def test_frames_without_a_truth_are_as_always(system: AnySystem, rendered: Callable[..., Rendered]) -> None:
    clip = rendered(4)
    plain = follow(system, clip, [None] * 4)
    told = follow(system, clip, [None] * 4, feedback="truth", boxes=True)
    for ours, theirs in zip(told, plain, strict=True):
        assert np.array_equal(ours.probabilities, theirs.probabilities)


def test_a_truth_of_another_size_is_refused(system: AnySystem, rendered: Callable[..., Rendered]) -> None:
    images, ids = rendered(2)
    with pytest.raises(MaskError, match="but frame"):
        follow(system, (images, ids), [None, ids[1][:32]], boxes=True)
