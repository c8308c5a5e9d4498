"""The transition, with a system simple enough to know its answers."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from longtake.engine.objects import remove
from longtake.engine.step import Rules, rules_for, step
from longtake.errors import SettingError
from longtake.geometry import Fit
from longtake.memory import tree
from longtake.memory.policy import All, First, Held, Plan
from longtake.nn.aggregate import soft_aggregate
from longtake.systems.protocol import Inputs, Look, Prompt, Segmentation, State, Targets, VOSSystem, Written


@dataclass(frozen=True)
class Remembered:
    """The last masks, and all that was ever asked."""

    last: Tensor = tree.owned()
    asked: tuple[tuple[Plan, Targets], ...] = ()


class Still(VOSSystem[Tensor, Remembered]):
    """Says that nothing ever moves: 0.9 where an object was."""

    fit = Fit(1)
    merge = "product"
    feedback = "soft"
    accepts_policy = True

    def __init__(self, capacity: int | None = None) -> None:
        super().__init__()
        self.capacity, self.policy = capacity, All()

    def encode(self, inputs: Inputs) -> Tensor:
        return inputs.images

    def begin(self, features: Tensor, targets: Targets, plan: Plan) -> Written[Remembered]:
        return Written(Remembered(targets.masks, ((plan, targets),)))

    def segment(self, features: Tensor, memory: Remembered, valid: Tensor, time: int) -> Segmentation:
        return Segmentation(soft_aggregate(0.9 * memory.last, valid), trace=time)

    def memorize(
        self, features: Tensor, targets: Targets, trace: Any, memory: Remembered, plan: Plan
    ) -> Written[Remembered]:
        assert trace == plan.time
        return Written(Remembered(targets.masks, (*memory.asked, (plan, targets))))

    def held(self, memory: Remembered) -> tuple[Held, ...]:
        return tuple(Held(plan.time, plan.role, 0) for plan, _ in memory.asked)

    def looks(self, memory: Remembered, trace: Any, masks: Tensor) -> tuple[Look, ...]:
        return (Look("last", trace - 1, masks / masks.sum(dim=(2, 3), keepdim=True).clamp(min=1)),)


IMAGE = torch.zeros(1, 3, 4, 6)


def columns(first: int, last: int) -> Tensor:
    mask = torch.zeros(4, 6)
    mask[:, first:last] = 1
    return mask


def prompt(**masks: Tensor) -> Prompt:
    ids = tuple(int(name[1:]) for name in masks)
    return Prompt(ids, torch.stack(list(masks.values()))[None], torch.ones(1, len(ids), dtype=torch.bool))


def run(system: Still, prompts: list[Prompt | None], rules: Rules | None = None) -> list[tuple[State, Any]]:
    state, history = State(), []
    for given in prompts:
        state, out = step(system, rules or rules_for(system), state, IMAGE, given)
        history.append((state, out))
    return history


def asked(state: State, cohort: int = 0) -> tuple[Plan, Targets]:
    return state.cohorts[cohort].memory.asked[-1]


def test_a_late_object_gets_a_cohort_of_its_own_and_sees_the_others_outside() -> None:
    history = run(Still(), [prompt(o1=columns(0, 2)), prompt(o5=columns(4, 6)), None])
    assert [out.ids for _, out in history] == [(1,), (1, 5), (1, 5)]
    final = history[-1][0]
    assert [cohort.ids for cohort in final.cohorts] == [(1,), (5,)]
    torch.testing.assert_close(asked(final)[1].outside[0, 0], columns(4, 6), atol=0.02, rtol=0)
    assert asked(final, 1)[1].outside[0, 0, 0, 0] > 0.5


def test_capacity_splits_objects_into_cohorts() -> None:
    masks = prompt(o1=columns(0, 1), o2=columns(1, 2), o3=columns(2, 3))
    state, out = run(Still(capacity=2), [masks])[0]
    assert [cohort.ids for cohort in state.cohorts] == [(1, 2), (3,)]
    assert out.ids == (1, 2, 3)


def test_a_neighbours_prompt_disturbs_and_cuts_into_the_mask() -> None:
    history = run(Still(), [prompt(o1=columns(0, 3), o2=columns(4, 5)), prompt(o2=columns(2, 6)), None])
    plan, targets = asked(history[1][0])
    assert plan.role == "given"
    assert targets.given == (False, True)
    assert targets.masks[0, 0, 0].tolist()[2:] == [0, 0, 0, 0]
    late = run(Still(), [prompt(o1=columns(0, 3)), prompt(o9=columns(2, 6))])
    assert asked(late[1][0])[0].role == "given"  # disturbed: o1 lost a column it was sure of
    calm = run(Still(), [prompt(o1=columns(0, 3)), prompt(o9=columns(4, 6))], Rules(First(), "soft"))
    assert not asked(calm[1][0])[0].writes


def test_feedback_decides_what_is_remembered() -> None:
    start = prompt(o1=columns(0, 3))
    for feedback, expected in (("soft", 0.9), ("hard", 1.0)):
        state = run(Still(), [start, None], Rules(All(), feedback))[-1][0]
        assert asked(state)[1].masks[0, 0, 0, 0].item() == pytest.approx(expected, abs=0.1)
        assert (asked(state)[1].masks[0, 0, 0, 0].item() == 1.0) == (feedback == "hard")


def test_feedback_of_the_truth() -> None:
    system, truth = Still(), columns(3, 6)[None, None]
    state, _ = step(system, Rules(All(), "truth"), State(), IMAGE, prompt(o1=columns(0, 3)))
    state, out = step(system, Rules(All(), "truth"), state, IMAGE, truth=truth)
    assert torch.equal(asked(state)[1].masks, truth)
    assert out.probabilities[0, 1, 0, 0] > 0.5
    with pytest.raises(ValueError, match="true masks"):
        step(system, Rules(All(), "truth"), state, IMAGE)


def test_detached_feedback_carries_no_gradient() -> None:
    system = Still()
    masks = columns(0, 3).requires_grad_()
    state, _ = step(system, Rules(All(), "detached"), State(), IMAGE, prompt(o1=masks))
    state, out = step(system, Rules(All(), "detached"), state, IMAGE)
    assert out.log_odds.requires_grad
    assert not asked(state)[1].masks.requires_grad


def test_nothing_is_remembered_on_the_margins() -> None:
    inside = torch.ones(1, 1, 4, 6)
    inside[..., 0] = 0
    system = Still()
    state, _ = step(system, rules_for(system), State(), IMAGE, prompt(o1=columns(0, 3)))
    state, _ = step(system, rules_for(system), state, IMAGE, inside=inside)
    assert asked(state)[1].masks[0, 0, 0].tolist()[0] == 0
    assert asked(state)[1].masks[0, 0, 0].tolist()[1] > 0.5


def test_a_system_of_fixed_memory_refuses_a_policy() -> None:
    system = Still()
    system.accepts_policy = False
    with pytest.raises(SettingError, match="Still has a fixed memory"):
        rules_for(system, First())


def test_removing_an_unknown_object_is_refused() -> None:
    state = run(Still(), [prompt(o1=columns(0, 3))])[0][0]
    with pytest.raises(SettingError, match="object 4"):
        remove(state, {4})
