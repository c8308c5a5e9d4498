"""The one transition of longtake: a state and a frame in, a state and a prediction out.

In order: segment every cohort, merge, feedback, paste the prompt, route new ids, begin or memorize every cohort.
Shapes: b batch, n objects, m objects of a prompt, h height, w width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from longtake.engine.faults import with_faults
from longtake.errors import SettingError
from longtake.memory.policy import AtMost, Event, Policy
from longtake.memory.tree import size_in_bytes
from longtake.nn.aggregate import merge_cohorts
from longtake.nn.precise import precise
from longtake.systems.feedback import Feedback
from longtake.systems.protocol import (
    AnyObject,
    AnySystem,
    Cohort,
    FittedProposals,
    Inputs,
    Prompt,
    Segmentation,
    State,
    Targets,
)

DISTURBED = 0.5
"""A neighbour's prompt disturbs an object when it takes away a pixel that was the object's with this probability."""


@dataclass(frozen=True)
class Rules:
    """What is kept of the past, and what is remembered of a prediction."""

    policy: Policy
    feedback: Feedback
    boxes: bool = False
    """Whether an object may be only within the box of its true mask, where that is known: an oracle, for analysis."""
    disturbs: bool = True
    """Whether a prompt that takes pixels from another object is an event for that one's memory. Not in training: what
    is kept would depend on the other clips of the batch."""


@dataclass(frozen=True)
class Auxiliary:
    """An auxiliary output of a system for losses: its name, the objects of its cohort, the frame it speaks of.

    frame: counted as `State.time` counts. value: see `Segmentation`. any_object: whether it tells the background from
    any object.
    """

    name: str
    ids: tuple[int, ...]
    frame: int
    value: Tensor
    any_object: bool = False


@dataclass(frozen=True)
class Step:
    """The outcome of a frame for the ids of the new state, background first.

    probabilities [b, 1+n, h, w]: after the prompt. log_odds [b, 1+n', h, w]: as segmented from memory, for the n'
    objects that existed before the frame; None where there were none.
    """

    ids: tuple[int, ...]
    probabilities: Float[Tensor, "b _ h w"]
    log_odds: Float[Tensor, "b _ h w"] | None = None
    auxiliary: tuple[Auxiliary, ...] = ()


def rules_for(
    system: AnySystem, policy: Policy | None = None, feedback: Feedback | None = None, *, boxes: bool = False
) -> Rules:
    """The system's own rules, or the caller's where the system accepts them.

    Raises SettingError where a system of fixed memory is given a policy.
    """
    if policy is not None and not system.accepts_policy:
        raise SettingError(f"{type(system).__name__} has a fixed memory and takes no memory policy; leave it out")
    policy = policy or system.policy
    if system.slots is not None:
        policy = AtMost(system.slots, policy)
    return Rules(policy, feedback or system.feedback, boxes)


def step(
    system: AnySystem,
    rules: Rules,
    state: State,
    images: Float[Tensor, "b 3 h w"],
    prompt: Prompt | None = None,
    *,
    inside: Float[Tensor, "1 1 h w"] | None = None,
    truth: Float[Tensor, "b n h w"] | None = None,
    proposals: FittedProposals | None = None,
) -> tuple[State, Step]:
    """Follow every object into one more frame; give new masks of old or new objects with it.

    images: fitted, RGB in [0, 1].
    inside: 1 where the fitted frame shows the original and 0 on its margins, so that nothing is remembered there (the
    published STM crops its estimate and pads it again).
    truth: the objects' true masks in the order of the state's ids, for feedback "truth" and for boxes.
    proposals: what may be an object in the frame, for systems that take it.
    Nothing that is passed in is changed.
    """
    if not state.cohorts and prompt is None:
        return replace(state, time=state.time + 1, previous=images), _empty(images)
    features, segmentations, log_odds = segment(system, state, images, proposals)
    if rules.boxes and log_odds is not None and truth is not None:
        log_odds = _within_boxes(log_odds, truth)
    probabilities = _empty(images).probabilities if log_odds is None else log_odds.softmax(dim=1)
    masks = _remembered(probabilities, rules.feedback, truth, system.least)
    ids, touched = state.ids, set[int]()
    valid = torch.cat([images.new_empty(len(images), 0, dtype=torch.bool), *(c.valid for c in state.cohorts)], dim=1)
    if rules.feedback == "faulty" and ids:
        masks = with_faults(masks, images, valid)
    masks = masks if inside is None else masks * inside
    if prompt is not None:
        ids, masks, touched = _paste(state.ids, masks, prompt)
        touched = touched if rules.disturbs else set()
        _, shown, _ = _paste(state.ids, probabilities[:, 1:], prompt)
        probabilities = torch.cat([(1 - shown.sum(dim=1, keepdim=True)).clamp(0, 1), shown], dim=1)
        valid = torch.cat([valid, prompt.valid[:, [name not in state.ids for name in prompt.ids]]], dim=1)
    cohorts, auxiliary = _write(
        system, rules.policy, state, features, segmentations, _Remember(ids, masks, valid, prompt, touched)
    )
    for cohort, segmentation in zip(state.cohorts, segmentations, strict=True):
        auxiliary += _auxiliary(cohort.ids, state.time, segmentation.auxiliary)
    return State(state.time + 1, images, cohorts), Step(ids, probabilities, log_odds, tuple(auxiliary))


def _auxiliary(ids: tuple[int, ...], time: int, values: Mapping[str, Tensor | AnyObject]) -> list[Auxiliary]:
    """A cohort's auxiliary outputs in frame `time`; `name@-k` speaks of k frames before."""
    found = []
    for key, value in values.items():
        name, _, back = key.partition("@")
        any_object = isinstance(value, AnyObject)
        tensor = value.log_odds if isinstance(value, AnyObject) else value
        found.append(Auxiliary(name, ids, time + int(back or 0), tensor, any_object))
    return found


def segment(
    system: AnySystem, state: State, images: Float[Tensor, "b 3 h w"], proposals: FittedProposals | None = None
) -> tuple[Any, list[Segmentation], Float[Tensor, "b _ h w"] | None]:
    """A frame's features, every cohort in it, and their log-odds merged; None where there are no cohorts."""
    previous = images if state.previous is None else state.previous
    features = system.encode(Inputs(images, previous, proposals))
    segmentations = [system.segment(features, c.memory, c.valid, state.time) for c in state.cohorts]
    log_odds = merge_cohorts([s.log_odds for s in segmentations], system.merge) if segmentations else None
    return features, segmentations, log_odds


def _empty(images: Tensor) -> Step:
    b, _, h, w = images.shape
    return Step((), precise(images.new_ones(b, 1, h, w)))


def _within_boxes(log_odds: Float[Tensor, "b _ h w"], truth: Float[Tensor, "b n h w"]) -> Tensor:
    """Objects only within the bounding boxes of their true masks (LVOS, table 5: oracle box); nowhere without one."""
    rows, columns = (_spanned((truth > 0).any(dim=axis)) for axis in (3, 2))
    allowed = rows[:, :, :, None] & columns[:, :, None, :]
    return torch.cat([log_odds[:, :1], log_odds[:, 1:].masked_fill(~allowed, -torch.inf)], dim=1)


def _spanned(marks: Bool[Tensor, "b n s"]) -> Bool[Tensor, "b n s"]:
    """All places from the first mark to the last."""
    onward = marks.int().cummax(dim=2).values
    back = marks.flip(2).int().cummax(dim=2).values.flip(2)
    return (onward & back).bool()


def _remembered(probabilities: Tensor, feedback: Feedback, truth: Tensor | None, least: float) -> Tensor:
    """The masks [b, n, h, w] that are remembered of a prediction; `least` is the system's."""
    if feedback in ("truth", "checked") and probabilities.shape[1] > 1:
        if truth is None:
            raise ValueError(f"feedback {feedback!r} needs the true masks")
        return truth if feedback == "truth" else _checked(probabilities[:, 1:], truth)
    if feedback == "hard":
        best, winner = probabilities.max(dim=1, keepdim=True)  # argmax takes fifteen times as long
        return torch.zeros_like(probabilities).scatter_(1, winner, (best >= least).to(best.dtype))[:, 1:]
    return probabilities[:, 1:].detach() if feedback == "detached" else probabilities[:, 1:]


def _checked(masks: Float[Tensor, "b n h w"], truth: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n h w"]:
    """The true masks of objects whose prediction overlaps them by half or less (AGSS-VOS; LSTNet, section 7)."""
    found, there = masks.detach() > 0.5, truth > 0.5
    both, either = ((found & there).sum((2, 3)), (found | there).sum((2, 3)))
    return torch.where((2 * both <= either)[:, :, None, None] & (either > 0)[:, :, None, None], truth, masks)


def _paste(ids: tuple[int, ...], masks: Tensor, prompt: Prompt) -> tuple[tuple[int, ...], Tensor, set[int]]:
    """Prompted masks over predicted ones: ids and masks with the new objects last, and the ids that were disturbed."""
    column = {name: i for i, name in enumerate(prompt.ids)}
    given = prompt.masks * prompt.valid[:, :, None, None]
    free = 1 - given.sum(dim=1).clamp(0, 1)
    pasted, touched = [], set()
    for i, name in enumerate(ids):
        if name in column:
            pasted.append(given[:, column[name]])
        else:
            pasted.append(masks[:, i] * free)
            if bool(((masks[:, i] > DISTURBED) & (free < 1 - DISTURBED)).any()):
                touched.add(name)
    fresh = tuple(name for name in prompt.ids if name not in ids)
    pasted += [given[:, column[name]] for name in fresh]
    return ids + fresh, precise(torch.stack(pasted, dim=1)), touched


@dataclass(frozen=True)
class _Remember:
    """All that is to be remembered of a frame, over the objects of all cohorts, new ones last."""

    ids: tuple[int, ...]
    masks: Tensor
    valid: Tensor
    prompt: Prompt | None
    touched: set[int]

    def targets(self, first: int, count: int) -> Targets:
        """The share of a cohort: `count` columns from `first`."""
        span = slice(first, first + count)
        present = self.masks * self.valid[:, :, None, None]
        outside = present.sum(dim=1, keepdim=True) - present[:, span].sum(dim=1, keepdim=True)
        prompted = () if self.prompt is None else self.prompt.ids
        given = tuple(name in prompted for name in self.ids[span])
        return Targets(self.masks[:, span], outside.clamp(0, 1), self.valid[:, span], given)

    def event(self, targets: Targets, ids: Sequence[int], joining: int) -> Event:
        if any(targets.given):
            return "joined" if joining else "given"
        return "disturbed" if self.touched.intersection(ids) else "predicted"


def own_policy(system: AnySystem, policy: Policy, memory: Any, share: float, previous: Tensor | None) -> Policy:
    """The policy for one of a state's memories, by its share of all objects; the state's last frame is shared, too."""
    beside = size_in_bytes(memory) - sum(entry.bytes for entry in system.held(memory))
    return policy.among(share, beside + (0 if previous is None else math.ceil(previous.nbytes * share)))


def _write(
    system: AnySystem,
    policy: Policy,
    state: State,
    features: Any,
    segmentations: list[Segmentation],
    remember: _Remember,
) -> tuple[tuple[Cohort, ...], list[Auxiliary]]:
    """Memorize in every cohort, then begin cohorts for the new ids, as many as the capacity asks for.

    New ids join the last cohort as far as it has room; so they stay behind all others.
    """
    cohorts, auxiliary, first = [], list[Auxiliary](), 0
    fresh = len(remember.ids) - len(state.ids)
    for cohort, segmentation in zip(state.cohorts, segmentations, strict=True):
        joining = min(fresh, system.room(cohort.memory)) if fresh and cohort is state.cohorts[-1] else 0
        ids = remember.ids[first : first + len(cohort.ids) + joining]
        targets, held = remember.targets(first, len(ids)), system.held(cohort.memory)
        own = own_policy(system, policy, cohort.memory, len(ids) / len(remember.ids), state.previous)
        plan = own.plan(state.time, remember.event(targets, ids, joining), held)
        written = system.memorize(features, targets, segmentation.trace, cohort.memory, plan)
        cohorts.append(Cohort(ids, targets.valid, written.memory))
        auxiliary += _auxiliary(ids, state.time, written.auxiliary)
        first += len(ids)
    while first < len(remember.ids):
        count = min(system.capacity or len(remember.ids), len(remember.ids) - first)
        targets = remember.targets(first, count)
        written = system.begin(features, targets, policy.plan(state.time, "given", ()))
        cohorts.append(Cohort(remember.ids[first : first + count], targets.valid, written.memory))
        auxiliary += _auxiliary(cohorts[-1].ids, state.time, written.auxiliary)
        first += count
    return tuple(cohorts), auxiliary
