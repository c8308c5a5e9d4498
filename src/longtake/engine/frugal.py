"""Where memory runs out: fewer objects at once, which changes no result, then fewer remembered frames."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from longtake.engine.runtime import Runtime
from longtake.engine.step import Rules, own_policy
from longtake.memory.policy import Budget, Plan, Policy
from longtake.memory.tree import size_in_bytes
from longtake.systems.objects import AT_ONCE
from longtake.systems.protocol import AnySystem, State

NO_ROOM = ("allocate memory", "not enough memory", "out of memory")
"""What errors of allocation say that have no type of their own: a processor's, and Apple's."""


@dataclass(frozen=True)
class Means:
    """With what a session gets along: objects that are worked on at once, and what is kept of the past."""

    rules: Rules
    at_once: int

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Systems work on so many objects at once."""
        token = AT_ONCE.set(self.at_once)
        try:
            yield
        finally:
            AT_ONCE.reset(token)

    def __str__(self) -> str:
        policy = self.rules.policy
        kept = f", {policy.limit / 1e6:.0f} MB of memory" if isinstance(policy, Budget) else ""
        return f"at most {self.at_once} objects at once{kept}"


def policy_for(system: AnySystem, run: Runtime) -> Policy | None:
    """The system's own policy, as far as a quarter of the device's memory allows; None where it has no other."""
    memory = run.memory()
    return Budget(memory // 4, system.policy) if system.accepts_policy and memory else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory, of the device or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_ROOM)


def with_less(system: AnySystem, state: State, means: Means, objects: int) -> tuple[Means, State] | None:
    """Half of the objects at once; where that is one already, half of the remembered frames. None: nothing is left.

    objects: how many there are. The state comes back with as many frames as it may then have.
    """
    if (at_once := min(means.at_once, objects)) > 1:
        return replace(means, at_once=at_once // 2), state
    held = [system.held(cohort.memory) for cohort in state.cohorts]
    if not system.accepts_policy or all(len(entries) < 2 for entries in held):
        return None
    rule = means.rules.policy
    rule = rule.rule if isinstance(rule, Budget) else rule
    policy = Budget(_size(state) - sum(entry.bytes for entries in held for entry in entries) // 2, rule)
    cohorts = []
    for cohort, entries in zip(state.cohorts, held, strict=True):
        own = own_policy(system, policy, cohort.memory, len(cohort.ids) / len(state.ids), state.previous)
        assert isinstance(own, Budget)
        plan = Plan(state.time, "recent", tuple(own.fitting([(entry.time, entry.role) for entry in entries], entries)))
        cohorts.append(replace(cohort, memory=system.trim(cohort.memory, plan)))
    return replace(means, rules=replace(means.rules, policy=policy)), replace(state, cohorts=tuple(cohorts))


def _size(state: State) -> int:
    frame = 0 if state.previous is None else state.previous.nbytes
    return frame + sum(size_in_bytes(cohort.memory) for cohort in state.cohorts)
