"""What every system must do, whatever its memory.

Shapes: b batch, n objects, h height, w width of the fitted frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from longtake.data.synthetic import Actor, Leaver, render
from longtake.engine.objects import remove
from longtake.engine.propagate import propagate
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import Step, rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.geometry import Fit
from longtake.memory import tree
from longtake.systems.protocol import AnySystem, Inputs, Preset, Prompt, State
from longtake.types import Frame, Masks

ACTORS = (
    Actor(1, 0.2, 5, ((196, 62, 48), (242, 187, 66)), (0.3, 0.6), (0.6, 0.55), spin=60),
    Leaver(2, 0.16, 3, ((58, 76, 160), (222, 226, 238)), (0.75, 0.3), (1.4, 0.3)),
)
"""An object that turns, and one that leaves and returns."""

NEAR = 3e-5
"""Frames of a clip lie otherwise in storage than single ones, so they round otherwise; random weights enlarge that."""


def fitted_clip(fit: Fit, frames: int = 5) -> Clip:
    """Rendered frames with both actors, on the grid of a system."""
    images, ids = zip(*render(ACTORS, frames, *fit.place((64, 96)).fitted, seed=3), strict=True)
    labels, pictures = torch.from_numpy(np.stack(ids)), torch.from_numpy(np.stack(images))
    masks = torch.stack([labels == 1, labels == 2], dim=1).float()
    return Clip(pictures.permute(0, 3, 1, 2).float()[None] / 255, masks[None], torch.ones(1, 2, dtype=torch.bool))


def given(clip: Clip, frame: int = 0, ids: Sequence[int] = (1, 2)) -> Prompt:
    """The masks that a frame of the clip has of some objects."""
    columns = [i - 1 for i in ids]
    return Prompt(tuple(ids), clip.masks[:, frame, columns], clip.valid[:, columns])


class Contract:
    """The tests of a system; a class that inherits them names its preset, whose tiny variant is tested.

    class TestMine(Contract):
        @pytest.fixture
        def preset(self) -> Preset:
            return MINE
    """

    @pytest.fixture
    def preset(self) -> Preset:
        """The preset of the system under test."""
        raise NotImplementedError("a class that inherits Contract has a fixture `preset`, which gives the preset")

    @pytest.fixture
    def calm(self, preset: Preset) -> Preset:
        """The tiny preset without what is random in training, where a system has such a thing."""
        return preset.tiny()

    @pytest.fixture
    def system(self, preset: Preset) -> AnySystem:
        """The tiny system, untrained."""
        torch.manual_seed(0)
        return preset.tiny().build().eval()

    @pytest.fixture
    def clip(self, system: AnySystem) -> Clip:
        """Five frames on the system's grid."""
        return fitted_clip(system.fit)

    def test_probabilities_have_the_frames_shape_and_sum_to_one(self, system: AnySystem, clip: Clip) -> None:
        for out in _follow(system, clip, {0: given(clip)}):
            assert out.probabilities.shape == (1, 3, *clip.images.shape[-2:])
            assert out.probabilities.dtype == torch.float32
            torch.testing.assert_close(out.probabilities.sum(1), torch.ones(1, *clip.images.shape[-2:]))

    def test_unroll_propagate_and_step_agree(self, system: AnySystem, clip: Clip) -> None:
        with torch.no_grad():
            outputs, _ = Unroll(system, rules_for(system))(clip)
        frames = [Frame(t, str(t), Fraction(t), True, _picture(clip, t)) for t in range(5)]
        prompts = {0: Masks(_labels(clip), (1, 2))}
        predictions = propagate(
            system, frames, lambda frame: prompts.get(frame.index), run=runtime("cpu", "float32"), short_side=None
        )
        for t, prediction in enumerate(predictions):
            if t:
                difference = outputs[t - 1].softmax(1)[0].numpy() - prediction.probabilities
                assert np.abs(difference).max() <= NEAR

    def test_unroll_and_propagate_agree_on_margins(self, system: AnySystem, clip: Clip) -> None:
        small = Clip(clip.images[..., :61, :90], clip.masks[..., :61, :90], clip.valid)
        placement = system.fit.place((61, 90))
        fitted = Clip(
            placement.images(small.images[0])[None],
            placement.masks(small.masks[0])[None],
            clip.valid,
            inside=placement.inside(torch.device("cpu")),
        )
        with torch.no_grad():
            outputs, _ = Unroll(system, rules_for(system))(fitted)
        frames = [Frame(t, str(t), Fraction(t), True, _picture(small, t)) for t in range(5)]
        first = Masks(_labels(small), (1, 2))
        run = runtime("cpu", "float32")
        for prediction in propagate(system, frames, lambda frame: first if frame.index == 0 else None, run=run):
            if t := prediction.frame.index:
                expected = placement.restore(outputs[t - 1].softmax(1))[0].numpy()
                assert np.abs(expected - prediction.probabilities).max() <= NEAR

    def test_unroll_and_session_agree(self, system: AnySystem, clip: Clip) -> None:
        with torch.no_grad():
            outputs, _ = Unroll(system, rules_for(system))(clip)
        session = Session(system, short_side=None, run=runtime("cpu", "float32"))
        for t in range(5):
            prediction = session.push(_picture(clip, t), _labels(clip) if t == 0 else None)
            if t:
                assert np.abs(outputs[t - 1].softmax(1)[0].numpy() - prediction.probabilities).max() <= NEAR

    def test_a_session_rewound_and_replayed_is_bit_identical(self, system: AnySystem, clip: Clip) -> None:
        """From any of its last frames, with an object that came late, and from a moment that was kept."""
        first, second = (np.where(_labels(clip) == name, np.uint16(name), np.uint16(0)) for name in (1, 2))
        prompts = {0: first, 2: second}
        session = Session(system)
        kept, seen = session.moment(), []
        for t in range(5):
            seen.append(session.push(_picture(clip, t), prompts.get(t)).probabilities)
        for to in (4, 3, 1, 0, kept):
            session.rewind(to)
            for t in range(session.time, 5):
                assert np.array_equal(session.push(_picture(clip, t), prompts.get(t)).probabilities, seen[t])

    def test_a_session_saved_and_loaded_goes_on_bit_identically(
        self, system: AnySystem, clip: Clip, tmp_path: Path
    ) -> None:
        first, second = (np.where(_labels(clip) == name, np.uint16(name), np.uint16(0)) for name in (1, 2))
        prompts = {0: first, 2: second}
        session = Session(system)
        for t in range(5):
            session.save(tmp_path / f"{t}.safetensors")
            session.push(_picture(clip, t), prompts.get(t))
        at_the_end = session.push(_picture(clip, 0)).probabilities
        for t in range(5):
            again = Session.load(tmp_path / f"{t}.safetensors", system)
            assert again.time == t
            for later in range(t, 5):
                again.push(_picture(clip, later), prompts.get(later))
            assert np.array_equal(again.push(_picture(clip, 0)).probabilities, at_the_end)

    def test_two_interleaved_sessions_on_one_model_equal_two_separate_ones(self, system: AnySystem, clip: Clip) -> None:
        clips = (clip, Clip(clip.images.flip(-1), clip.masks.flip(-1), clip.valid))

        def push(session: Session, which: Clip, t: int) -> np.ndarray:
            return session.push(_picture(which, t), _labels(which) if t == 0 else None).probabilities

        apart = []
        for which in clips:
            session = Session(system)
            apart.append([push(session, which, t) for t in range(5)])
        sessions = [Session(system), Session(system)]
        for t in range(5):
            for session, which, alone in zip(sessions, clips, apart, strict=True):
                assert np.array_equal(push(session, which, t), alone[t])

    def test_nothing_passed_in_is_changed(self, system: AnySystem, clip: Clip) -> None:
        run = list(_states(system, clip, {0: given(clip)}))
        state = run[1][0]
        before = [tensor.clone() for cohort in state.cohorts for tensor in tree.flatten(cohort.memory)]
        prompt, images = given(clip, 2, (1,)), clip.images[:, 2].clone()
        with torch.no_grad():
            step(system, rules_for(system), state, clip.images[:, 2], prompt)
        after = [tensor for cohort in state.cohorts for tensor in tree.flatten(cohort.memory)]
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        assert torch.equal(images, clip.images[:, 2])
        assert torch.equal(prompt.masks, clip.masks[:, 2, [0]])

    def test_replaying_from_a_kept_state_is_bit_identical(self, system: AnySystem, clip: Clip) -> None:
        run = list(_states(system, clip, {0: given(clip)}))
        again = _follow(system, clip, {}, run[1][0])
        assert all(torch.equal(a.probabilities, b.probabilities) for (_, a), b in zip(run[2:], again, strict=True))

    def test_two_interleaved_sessions_equal_two_separate_ones(self, system: AnySystem, clip: Clip) -> None:
        mirrored = Clip(clip.images.flip(-1), clip.masks.flip(-1), clip.valid)
        apart = [_follow(system, c, {0: given(c)}) for c in (clip, mirrored)]
        together = zip(
            _states(system, clip, {0: given(clip)}), _states(system, mirrored, {0: given(mirrored)}), strict=True
        )
        for t, ((_, a), (_, b)) in enumerate(together):
            assert torch.equal(a.probabilities, apart[0][t].probabilities)
            assert torch.equal(b.probabilities, apart[1][t].probabilities)

    def test_a_padded_batch_equals_each_clip_alone(self, system: AnySystem, clip: Clip) -> None:
        """In float64, where what a batch's other algorithms round differently does not grow over the frames."""
        system.double()
        clip = _first_frames(Clip(clip.images.double(), clip.masks.double(), clip.valid), 3)
        single = Clip(clip.images.flip(-1), clip.masks.flip(-1) * torch.tensor([1.0, 0]).view(2, 1, 1), clip.valid)
        batch = Clip(
            torch.cat([clip.images, single.images]),
            torch.cat([clip.masks, single.masks]),
            torch.tensor([[True, True], [True, False]]),
        )
        alone = Clip(single.images, single.masks[:, :, :1], torch.ones(1, 1, dtype=torch.bool))
        unroll = Unroll(system, rules_for(system))
        with torch.no_grad():
            together, both, one = unroll(batch)[0], unroll(clip)[0], unroll(alone)[0]
        for t in range(2):
            torch.testing.assert_close(together[t].softmax(1)[:1], both[t].softmax(1), atol=1e-9, rtol=0)
            torch.testing.assert_close(together[t].softmax(1)[1:, :2], one[t].softmax(1), atol=1e-5, rtol=0)
            assert together[t].softmax(1)[1, 2].max() < 1e-5

    def test_a_permuted_memory_gives_the_permuted_answer(self, system: AnySystem, clip: Clip) -> None:
        *_, (state, _) = _states(system, _first_frames(clip, 3), {0: given(clip)})
        cohort = state.cohorts[0]
        turned = replace(cohort, ids=(2, 1), memory=tree.select(cohort.memory, (1, 0)))
        straight = _follow(system, clip, {}, state)
        swapped = _follow(system, clip, {}, replace(state, cohorts=(turned,)))
        for a, b in zip(straight, swapped, strict=True):
            assert b.ids == (2, 1)
            torch.testing.assert_close(a.probabilities, b.probabilities[:, [0, 2, 1]], atol=1e-5, rtol=0)

    def test_the_output_responds_to_the_prompt_and_to_the_previous_frame(self, system: AnySystem, clip: Clip) -> None:
        _perturb(system)
        other = Prompt((1, 2), clip.masks[:, 0].roll(20, dims=-1), clip.valid)
        plain, moved = _follow(system, clip, {0: given(clip)}), _follow(system, clip, {0: other})
        assert not torch.allclose(plain[1].probabilities, moved[1].probabilities, atol=1e-4)
        changed = Clip(clip.images.clone(), clip.masks, clip.valid)
        changed.images[:, 3] = changed.images[:, 3].flip(-1)
        assert not torch.allclose(
            plain[4].probabilities, _follow(system, changed, {0: given(clip)})[4].probabilities, atol=1e-6
        )

    def test_looks_are_shares_over_what_is_held_and_change_nothing(self, system: AnySystem, clip: Clip) -> None:
        *_, (state, _) = _states(system, _first_frames(clip, 3), {0: given(clip), 1: given(clip, 1, (1,))})
        cohort, masks = state.cohorts[0], clip.masks[:, 3].clone()
        masks[:, 1] = 0
        with torch.no_grad():
            features = system.encode(Inputs(clip.images[:, 3], clip.images[:, 2]))
            trace = system.segment(features, cohort.memory, cohort.valid, state.time).trace
            before = [tensor.clone() for tensor in tree.flatten(cohort.memory)]
            looks = system.looks(cohort.memory, trace, masks)
            again = system.looks(cohort.memory, trace, masks)
        assert all(torch.equal(a, b) for a, b in zip(before, tree.flatten(cohort.memory), strict=True))
        assert all(torch.equal(a.weights, b.weights) for a, b in zip(looks, again, strict=True))
        assert {look.time for look in looks} <= {held.time for held in system.held(cohort.memory)}
        assert all(look.weights.shape[:2] == (1, 2) and look.weights.min() >= 0 for look in looks)
        for what in {look.what for look in looks}:
            shares = sum((look.weights.sum(dim=(2, 3)) for look in looks if look.what == what), torch.zeros(1, 2))
            torch.testing.assert_close(shares, torch.tensor([[1.0, 0.0]]))
        assert looks

    def test_a_late_object_does_not_change_what_was_before_and_gets_its_own_mask(
        self, system: AnySystem, clip: Clip
    ) -> None:
        run = _follow(system, clip, {0: given(clip, 0, (1,)), 2: given(clip, 2, (2,))})
        before = _follow(system, clip, {0: given(clip, 0, (1,))})
        assert [out.ids for out in run] == [(1,), (1,), (1, 2), (1, 2), (1, 2)]
        assert torch.equal(run[1].probabilities, before[1].probabilities)
        torch.testing.assert_close(run[2].probabilities[:, 2], clip.masks[:, 2, 1])

    def test_a_corrected_frame_shows_the_correction(self, system: AnySystem, clip: Clip) -> None:
        run = _follow(system, clip, {0: given(clip), 2: given(clip, 2, (1,))})
        assert torch.equal(run[2].probabilities[:, 1], clip.masks[:, 2, 0])
        uncorrected = _follow(system, clip, {0: given(clip)})
        assert not torch.equal(run[3].probabilities, uncorrected[3].probabilities)

    def test_a_removed_object_leaves_and_may_return(self, system: AnySystem, clip: Clip) -> None:
        *_, (state, _) = _states(system, _first_frames(clip, 2), {0: given(clip)})
        run = _follow(system, clip, {3: given(clip, 3, (1,))}, remove(state, {1}))
        assert [out.ids for out in run] == [(2,), (2, 1), (2, 1)]
        assert remove(state, {1, 2}).cohorts == ()

    def test_frames_before_the_first_prompt_hold_nothing(self, system: AnySystem, clip: Clip) -> None:
        run = _follow(system, clip, {2: given(clip, 2)})
        assert [out.ids for out in run] == [(), (), (1, 2), (1, 2), (1, 2)]
        assert run[0].probabilities.min() == 1

    def test_a_gradient_reaches_every_trainable_parameter(self, system: AnySystem, clip: Clip) -> None:
        _perturb(system)
        system.train()
        outputs, auxiliary = Unroll(system, rules_for(system))(clip)
        loss: Tensor = sum((out.float().square().mean() for out in outputs), torch.zeros(()))
        (loss + sum(each.value.float().square().mean() for each in auxiliary)).backward()
        lacking = [name for name, p in system.named_parameters() if p.grad is None or not p.grad.any()]
        assert lacking == []

    def test_training_mode_changes_nothing_but_auxiliary_outputs_and_what_is_random(self, calm: Preset) -> None:
        system = calm.build()
        unroll, clip = Unroll(system, rules_for(system)), fitted_clip(system.fit)
        with torch.no_grad():
            still = unroll.eval()(clip)[0]
            training = unroll.train()(clip)[0]
        assert all(torch.equal(a, b) for a, b in zip(still, training, strict=True))

    def test_half_precision_is_near_and_its_log_odds_are_whole(self, system: AnySystem, clip: Clip) -> None:
        """With a correction and an object that comes late, so that memory holds what was made in several ways."""
        labels, outs = _labels(clip), []
        prompts = {
            0: np.where(labels == 1, labels, 0),
            2: np.where(labels == 2, labels, 0),
            3: np.where(labels == 1, labels, 0),
        }
        for precision in ("float32", "bfloat16"):
            session = Session(system, short_side=None, run=runtime("cpu", precision))
            outs.append([session.push(_picture(clip, t), prompts.get(t)).probabilities for t in range(5)])
        for full, half in zip(*outs, strict=True):
            assert half.dtype == np.float32
            assert np.isfinite(half).all()
            assert np.abs(full - half).mean() < 0.02

    def test_encode_does_not_depend_on_objects(self, system: AnySystem, clip: Clip) -> None:
        with torch.no_grad():
            first, second = (system.encode(Inputs(clip.images[:, 1], clip.images[:, 0])) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(_tensors(first), _tensors(second), strict=True))

    def test_memory_stays_bounded(self, system: AnySystem, clip: Clip) -> None:
        sizes, state, (h, w) = [], State(), system.fit.place((20, 30)).fitted
        clip = Clip(clip.images[..., :h, :w], clip.masks[..., :h, :w], clip.valid)
        images, rules, prompt = clip.images[:, 0], rules_for(system), given(clip)
        for t in range(100):
            with torch.no_grad():
                state, _ = step(system, rules, state, images, prompt if t == 0 else None)
            sizes.append(tree.size_in_bytes(state.cohorts[0].memory))
        assert max(sizes[80:]) == max(sizes[62:80])

    @pytest.mark.parametrize("size", [(1, 40), (17, 200), (32, 32)])
    def test_small_and_odd_frames_work(self, system: AnySystem, size: tuple[int, int]) -> None:
        session, rng = Session(system), np.random.default_rng(0)
        labels = np.zeros(size, np.uint16)
        labels[:, : size[1] // 2] = 1
        for t in range(3):
            prediction = session.push(rng.integers(0, 255, (*size, 3), np.uint8), labels if t == 0 else None)
        assert prediction.labels.shape == size

    def test_many_objects_go_in_portions(self, system: AnySystem) -> None:
        rng, session = np.random.default_rng(0), Session(system)
        labels = np.kron(np.arange(1, 26, dtype=np.uint16).reshape(5, 5), np.ones((16, 16), np.uint16))
        for t in range(3):
            prediction = session.push(rng.integers(0, 255, (80, 80, 3), np.uint8), labels if t == 0 else None)
            assert prediction.ids == tuple(range(1, 26))
            np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-4)


def _follow(system: AnySystem, clip: Clip, prompts: dict[int, Prompt], state: State | None = None) -> list[Step]:
    return [out for _, out in _states(system, clip, prompts, state)]


def _first_frames(clip: Clip, count: int) -> Clip:
    return Clip(clip.images[:, :count], clip.masks[:, :count], clip.valid)


def _states(
    system: AnySystem, clip: Clip, prompts: dict[int, Prompt], state: State | None = None
) -> Iterator[tuple[State, Step]]:
    state = state or State()
    for t in range(state.time, clip.images.shape[1]):
        with torch.no_grad():
            state, out = step(system, rules_for(system), state, clip.images[:, t], prompts.get(t))
        yield state, out


def _labels(clip: Clip) -> np.ndarray:
    return (clip.masks[0, 0, 0] + 2 * clip.masks[0, 0, 1]).numpy().astype(np.uint16)


def _picture(clip: Clip, t: int) -> np.ndarray:
    return (clip.images[0, t].permute(1, 2, 0) * 255).round().byte().numpy()


def _tensors(features: object) -> Iterator[Tensor]:
    if isinstance(features, Tensor):
        yield features
    elif is_dataclass(features):
        for field in fields(features):
            yield from _tensors(getattr(features, field.name))


def _perturb(system: AnySystem) -> None:
    """Away from initial zeros, and norms of `encode` that know what they get, so that every path carries a signal."""
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
        norms = [module for module in system.modules() if isinstance(module, nn.BatchNorm2d)]
        momentum = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum, norm.training = 1.0, True
        system.encode(Inputs(*torch.rand(2, 2, 3, *system.fit.place((64, 96)).fitted)))
        for norm, usual in zip(norms, momentum, strict=True):
            norm.momentum, norm.training = usual, False
