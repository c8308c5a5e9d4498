"""What a session does where memory runs out, and within a budget."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from longtake.engine.frugal import is_out_of_memory, policy_for
from longtake.engine.runtime import Runtime, runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.errors import ScarceError, SettingError
from longtake.memory.policy import Budget, parse_policy
from longtake.memory.tree import size_in_bytes
from longtake.systems.objects import AT_ONCE
from longtake.systems.protocol import AnySystem, Segmentation, State
from longtake.systems.zoo import ZOO

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
WITH_POLICY = sorted(name for name, preset in ZOO.items() if preset.tiny().build().accepts_policy)


def tiny(name: str = "stm-mobilenet-v2") -> AnySystem:
    torch.manual_seed(0)
    return ZOO[name].tiny().build().eval()


def size(state: State) -> int:
    assert state.previous is not None
    return state.previous.nbytes + sum(size_in_bytes(cohort.memory) for cohort in state.cohorts)


def entries(session: Session) -> int:
    return max(len(session.system.held(cohort.memory)) for cohort in session.moment().state.cohorts)


def scarce(system: AnySystem, monkeypatch: pytest.MonkeyPatch, error: Exception, objects: int, frames: int) -> None:
    """Let a system find no memory for more than so many objects at once, or remembered frames."""
    whole = system.segment

    def segment(features: Any, memory: Any, valid: torch.Tensor, time: int) -> Segmentation:
        if min(AT_ONCE.get(), valid.shape[1]) > objects or len(memory.entries) > frames:
            raise error
        return whole(features, memory, valid, time)

    monkeypatch.setattr(system, "segment", segment)


@pytest.fixture(autouse=True)
def many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects go through a network together, as on a card."""
    monkeypatch.setattr(Runtime, "objects_at_once", AT_ONCE.get())


@pytest.mark.parametrize("name", WITH_POLICY)
def test_a_budget_holds_for_all_objects_together_whenever_they_came(name: str, rendered: Rendered) -> None:
    images, ids = rendered(30)
    system, limit = tiny(name), 0
    for budget in (None, "half"):
        policy = parse_policy("every:2" if budget is None else f"budget:{limit}")
        session = Session(system, rules=rules_for(system, policy), keep=0)
        sizes = []
        for k, image in enumerate(images):
            given = {0: {1: ids[0] == 1}, 9: {2: ids[9] == 2}}.get(k)
            session.push(image, given)
            sizes.append(size(session.moment().state))
        if budget is None:
            limit = sizes[9] + (max(sizes) - sizes[9]) // 2
            assert max(sizes) > limit
        else:
            assert max(sizes) <= limit
            assert entries(session) > 2


@pytest.mark.parametrize("name", WITH_POLICY)
def test_a_budget_below_one_frame_is_refused_with_what_it_takes(name: str, rendered: Rendered) -> None:
    images, ids = rendered(2)
    session = Session(tiny(name), rules=rules_for(tiny(name), parse_policy("budget:1KB")), keep=0)
    session.push(images[0], ids[0])
    with pytest.raises(SettingError, match=r"a memory of 1 KB cannot hold one frame: that takes .* ask for more"):
        session.push(images[1])
    assert session.time == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        RuntimeError("MPS backend out of memory (MPS allocated: 2 GB)"),
    ],
)
def test_fewer_objects_at_once_where_memory_runs_out_and_the_same_masks(
    error: Exception, rendered: Rendered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_out_of_memory(error)
    images, ids = rendered(5)
    both = [Session(tiny(), keep=0) for _ in range(2)]
    scarce(both[1].system, monkeypatch, error, objects=1, frames=99)
    with caplog.at_level(logging.WARNING, "longtake"):
        for k, image in enumerate(images):
            free, short = (session.push(image, None if k else ids[0]) for session in both)
            np.testing.assert_allclose(short.probabilities, free.probabilities, atol=1e-5)
    assert [record.getMessage().split(";")[0] for record in caplog.records] == ["frame 000001: out of memory"]
    assert AT_ONCE.get() == 16


@pytest.mark.parametrize("name", WITH_POLICY)
def test_fewer_past_frames_where_fewer_objects_do_not_help(
    name: str, rendered: Rendered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    images, ids = rendered(20)
    system = tiny(name)
    session = Session(system, rules=rules_for(system, parse_policy("all")), keep=0)
    scarce(system, monkeypatch, torch.OutOfMemoryError("none left"), objects=99, frames=6)
    with caplog.at_level(logging.WARNING, "longtake"):
        for k, image in enumerate(images):
            session.push(image, None if k else ids[0])
    assert 2 <= entries(session) <= 6
    assert 0 in session.remembered
    assert len(caplog.records) == 1
    assert isinstance(session.rules.policy, Budget)
    assert session.rules.policy.rule == parse_policy("all")


@pytest.mark.parametrize("name", ["stm-mobilenet-v2", "lstnet-mobilenet-v2"])
def test_where_nothing_is_left_to_spare_one_line_says_so(
    name: str, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, ids = rendered(2)
    session = Session(tiny(name), keep=0)
    session.push(images[0], ids[0])

    def segment(*_: Any) -> Segmentation:
        raise torch.OutOfMemoryError("none left")

    monkeypatch.setattr(session.system, "segment", segment)
    with pytest.raises(ScarceError, match="frame 000001: out of memory"):
        session.push(images[1])
    assert session.time == 1


def test_other_errors_are_no_lack_of_memory(rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    images, ids = rendered(2)
    session = Session(tiny(), keep=0)
    session.push(images[0], ids[0])
    scarce(session.system, monkeypatch, RuntimeError("shapes do not fit"), objects=0, frames=0)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        session.push(images[1])


def test_auto_is_the_systems_rule_within_a_quarter_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runtime("cpu", "float32")
    monkeypatch.setattr(Runtime, "memory", lambda self: 8 * 10**9)
    assert policy_for(tiny(), run) == Budget(2 * 10**9, tiny().policy)
    assert policy_for(tiny("lstnet-mobilenet-v2"), run) is None
    monkeypatch.setattr(Runtime, "memory", lambda self: None)
    assert policy_for(tiny(), run) is None


def test_the_machine_tells_its_memory() -> None:
    memory = runtime("cpu").memory()
    assert memory is None or memory > 10**8
    assert replace(runtime("cpu"), dtype=torch.float32).memory() == memory
