"""Sessions: objects given, corrected and removed at any frame; steps taken back; several at once."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from longtake.data.synthetic import Actor, Leaver, render
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.errors import MaskError, SettingError, SourceError
from longtake.evaluation.region import region_similarity
from longtake.memory.policy import Every
from longtake.systems.models import load
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def tiny() -> AnySystem:
    torch.manual_seed(0)
    return ZOO["stm-mobilenet-v2"].tiny().build().eval()


def test_prompts_come_as_ids_as_masks_per_object_or_not_at_all(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(3)
    session = Session(tiny)
    assert session.push(images[0]).ids == ()
    assert session.push(images[1], ids[0].astype(np.int64)).ids == (1, 2)
    late = session.push(images[2], {40_000: ids[0] == 2})
    assert late.ids == (1, 2, 40_000)
    assert np.array_equal(late.labels == 40_000, ids[0] == 2)
    assert (session.time, session.ids) == (3, (1, 2, 40_000))
    assert late.frame.name == "000002"


def test_images_that_may_not_be_written_are_taken_as_they_are(tiny: AnySystem, rendered: Rendered) -> None:
    """As `np.asarray` of a Pillow image is; in memory order of columns, too."""
    images, ids = rendered(1)
    locked, turned = images[0].copy(), np.asfortranarray(images[0])
    locked.flags.writeable = turned.flags.writeable = False
    expected = Session(tiny).push(images[0], ids[0]).probabilities
    for image in (locked, turned):
        assert np.array_equal(Session(tiny).push(image, ids[0]).probabilities, expected)


@pytest.mark.parametrize(
    ("frame", "prompt", "error", "line"),
    [
        (np.zeros((64, 96, 3), np.uint8), {0: np.ones((64, 96))}, MaskError, "ids are whole numbers"),
        (np.zeros((64, 96, 3), np.uint8), {70_000: np.ones((64, 96))}, MaskError, "ids are whole numbers"),
        (np.zeros((64, 96, 3), np.uint8), np.ones((64, 64), int), MaskError, "its aspect is another"),
        (np.zeros((64, 96, 3), np.uint8), np.ones((32, 48), int), MaskError, "give it that size"),
        (np.zeros((64, 96, 3), np.uint8), np.ones((96, 64), int), MaskError, "it seems to be turned"),
        (np.zeros((32, 96, 3), np.uint8), None, SourceError, "96x32 pixels, but the first is 96x64"),
        (np.zeros((64, 96), np.uint8), None, SourceError, "give RGB uint8"),
        (np.zeros((64, 96, 3)), None, SourceError, "give RGB uint8"),
    ],
)
def test_bad_input_is_one_line_and_leaves_the_session_as_it_was(
    tiny: AnySystem, rendered: Rendered, frame: np.ndarray, prompt: object, error: type[Exception], line: str
) -> None:
    images, ids = rendered(3)
    plain, tried = Session(tiny), Session(tiny)
    for session in (plain, tried):
        session.push(images[0], ids[0])
    with pytest.raises(error, match=line):
        tried.push(frame, prompt)
    assert tried.time == 1
    assert np.array_equal(plain.push(images[1]).probabilities, tried.push(images[1]).probabilities)


def test_the_last_steps_can_be_taken_back_and_no_more(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(6)
    session = Session(tiny, keep=3)
    first = None
    for image in images:
        if session.time == 1:
            first = session.moment()
        session.push(image, ids[0] if session.time == 0 else None)
    for wrong in (2, 7, -1):
        with pytest.raises(SettingError, match=rf"rewind to {wrong}: held are 3 to 6"):
            session.rewind(wrong)
    session.rewind(6)
    session.rewind(4)
    session.rewind(3)
    with pytest.raises(SettingError, match="held are 3 to 3"):
        session.rewind(4)
    assert first is not None
    session.rewind(first)
    assert session.time == 1


def test_a_kept_moment_of_another_branch_brings_its_own_past(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(5)
    session = Session(tiny)
    for t, image in enumerate(images):
        session.push(image, ids[0] if t == 0 else None)
    later = session.moment()
    session.rewind(2)
    session.push(images[4])
    session.rewind(later)
    assert session.time == 5
    with pytest.raises(SettingError, match="held are 5 to 5"):
        session.rewind(2)


def test_the_callers_feedback_is_kept(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(4)
    found = {}
    for feedback in ("soft", "hard"):
        session = Session(tiny, rules=rules_for(tiny, feedback=feedback))
        found[feedback] = [session.push(im, ids[0] if t == 0 else None) for t, im in enumerate(images)][-1]
    assert not np.array_equal(found["soft"].probabilities, found["hard"].probabilities)


def test_any_whole_number_rewinds(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(2)
    session = Session(tiny)
    session.push(images[0], ids[0])
    session.rewind(np.int64(0))
    assert session.time == 0


def test_removal_is_taken_back_too(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(3)
    session = Session(tiny)
    session.push(images[0], ids[0])
    before = session.push(images[1]).probabilities
    session.rewind(1)
    session.remove(2)
    assert session.push(images[1]).ids == (1,)
    with pytest.raises(SettingError, match="object 2 is not followed"):
        session.remove(2)
    session.rewind(0)
    session.push(images[0], ids[0])
    assert np.array_equal(session.push(images[1]).probabilities, before)


def test_a_corrected_frame_is_pushed_again(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(4)
    session, told = Session(tiny), Session(tiny)
    for t, image in enumerate(images):
        session.push(image, ids[0] if t == 0 else None)
        told.push(image, ids[t] if t in (0, 2) else None)
    session.rewind(2)
    corrected = session.push(images[2], ids[2])
    assert np.array_equal(corrected.labels, ids[2])
    after = told.moment()
    told.rewind(3)
    assert np.array_equal(session.push(images[3]).probabilities, told.push(images[3]).probabilities)
    assert after.state.time == session.time


def test_sessions_of_one_system_in_two_threads_equal_two_alone(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(6)
    mirrored = [image[:, ::-1] for image in images], [mask[:, ::-1] for mask in ids]

    def follow(clip: tuple[list[np.ndarray], list[np.ndarray]], out: list[np.ndarray]) -> None:
        session = Session(tiny)
        for t, image in enumerate(clip[0]):
            out.append(session.push(image, clip[1][0] if t == 0 else None).probabilities)

    alone: list[list[np.ndarray]] = [[], []]
    together: list[list[np.ndarray]] = [[], []]
    for clip, out in zip(((images, ids), mirrored), alone, strict=True):
        follow(clip, out)
    threads = [
        threading.Thread(target=follow, args=(clip, out))
        for clip, out in zip(((images, ids), mirrored), together, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for x, y in zip(alone, together, strict=True) for a, b in zip(x, y, strict=True))


def test_one_session_may_be_pushed_from_many_threads(tiny: AnySystem, rendered: Rendered) -> None:
    images, ids = rendered(2)
    session = Session(tiny)
    session.push(images[0], ids[0])
    threads = [threading.Thread(target=session.push, args=(images[1],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.time == 9


@pytest.mark.parametrize("birth", [1, 5, 7, 10])
@pytest.mark.parametrize("name", ["stm-resnet50", "stm-mobilenet-v2"])
def test_a_late_object_is_followed_as_if_the_clip_began_there(name: str, birth: int, rendered: Rendered) -> None:
    """STM with a policy, at any frame: memory counts from the object's first frame."""
    torch.manual_seed(0)
    system = ZOO[name].tiny().build().eval()
    assert isinstance(system.policy, Every)
    images, ids = rendered(20, 32, 48)
    late, fresh = Session(system), Session(system)
    for t, image in enumerate(images):
        given = ids[t] if t == birth else None
        prediction = late.push(image, given)
        if t >= birth:
            assert np.array_equal(prediction.probabilities, fresh.push(image, given).probabilities)


ACTORS = (
    Actor(1, 0.15, 5, ((196, 62, 48), (242, 187, 66)), (0.15, 0.7), (0.45, 0.65), spin=80),
    Actor(2, 0.17, 9, ((44, 110, 73), (176, 208, 120)), (0.62, 0.7), (0.55, 0.72), spin=-25),
    Leaver(3, 0.13, 3, ((58, 76, 160), (222, 226, 238)), (0.80, 0.25), (0.95, 0.25)),
)


@pytest.mark.slow
def test_objects_given_late_corrected_and_removed_come_out_right() -> None:
    """Given at frames 0, 7 and 40, one corrected at 20, one removed at 30; the bundled model, a known truth."""
    images, truth = zip(*render(ACTORS, 50, 180, 320, 11), strict=True)
    system, _ = load()
    session = Session(system)
    scores: dict[int, list[float]] = {1: [], 2: [], 3: []}
    followed = {1: range(50), 2: range(7, 30), 3: range(40, 50)}
    wrong = np.roll(truth[19] == 1, 12, axis=1)
    for t, image in enumerate(images):
        if t == 30:
            session.remove(2)
        prompt = {0: {1: truth[0] == 1}, 7: {2: truth[7] == 2}, 40: {3: truth[40] == 3}}.get(t)
        if t == 19:  # a person spoils an object, and mends it a frame later
            prompt = {1: wrong}
        if t == 20:
            spoiled = session.push(image)
            assert region_similarity(spoiled.labels == 1, truth[20] == 1) < 0.9
            session.rewind(20)
            prompt = {1: truth[20] == 1}
        prediction = session.push(image, prompt)
        assert prediction.ids == tuple(name for name in (1, 2, 3) if t in followed[name])
        for name in prediction.ids:
            if t != 19:
                scores[name].append(region_similarity(prediction.labels == name, truth[t] == name))
    assert min(np.mean(values) for values in scores.values()) > 0.8, {k: np.mean(v) for k, v in scores.items()}


def test_300_objects_in_one_video(tiny: AnySystem) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    ids = np.kron(np.arange(300).reshape(15, 20) * 200 + 1, np.ones((8, 8), int))
    session = Session(tiny)
    first = session.push(image, ids)
    assert np.array_equal(first.labels, ids)
    later = session.push(np.roll(image, 1, axis=1))
    assert len(later.ids) == 300
    assert set(np.unique(later.labels)) <= {0, *later.ids}
    np.testing.assert_allclose(later.probabilities.sum(0), 1, atol=1e-4)
    best = later.probabilities.argmax(0)
    assert np.mean(np.array([0, *later.ids])[best] == later.labels) > 0.99


def test_the_bundled_model_follows_300_objects(tmp_path: Path) -> None:
    """Each differs from its neighbours; most are still themselves a frame later."""
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 255, (300, 3), np.uint8)
    ids = np.kron(np.arange(300).reshape(15, 20), np.ones((16, 16), int))
    image = colours[ids]
    system, _ = load()
    session = Session(system)
    session.push(image, ids + 1)
    assert np.mean(session.push(image).labels == ids + 1) > 0.5
