"""Parts run by onnxruntime against the same system in torch."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.errors import CheckpointError, SettingError
from longtake.export import onnx
from longtake.memory.policy import parse_policy
from longtake.systems.checkpoint import Card
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
EXPORTED = ("stm-mobilenet-v2", "stm-resnet50", "ddmemory-mobilenet-v2")
SIZE, SLOTS = (64, 96), 4


@pytest.fixture(scope="module", params=EXPORTED)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[AnySystem, Path]:
    """A tiny system, and the folder that it was exported to."""
    torch.manual_seed(0)
    preset = ZOO[request.param].tiny()
    system, folder = preset.build().eval(), tmp_path_factory.mktemp("onnx") / "graphs"
    options = {field.name: getattr(preset, field.name) for field in dataclasses.fields(preset)}
    jaxtyping.config.update("jaxtyping_disable", True)  # a graph is traced with symbols for numbers
    try:
        onnx.export(system, Card(request.param, options), folder, system.fit.place(SIZE).fitted, SLOTS)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    return system, folder


def test_the_same_objects_late_ones_corrections_and_removed_ones_among_them(
    pair: tuple[AnySystem, Path], rendered: Rendered
) -> None:
    system, folder = pair
    other, card = onnx.load(folder)
    assert card.preset in EXPORTED
    assert all(parameter.is_meta for parameter in other.parameters())
    images, ids = rendered(9)
    rules = rules_for(other, parse_policy("every:2:2") if system.accepts_policy else None)
    sessions = [Session(each, rules=rules, run=runtime("cpu", "float32")) for each in (system, other)]
    given = {0: {1: ids[0] == 1}, 3: {2: ids[0] == 2, 7: ids[0] == 0}, 6: {1: ids[0] == 1}}
    for k, image in enumerate(images):
        if k == 5:
            for session in sessions:
                session.remove(7)
        ours, theirs = (session.push(image, given.get(k)).probabilities for session in sessions)
        np.testing.assert_allclose(theirs, ours, atol=3e-4)
    assert sessions[0].ids == sessions[1].ids == (1, 2)


def test_memory_keeps_to_its_slots(pair: tuple[AnySystem, Path], rendered: Rendered) -> None:
    other, _ = onnx.load(pair[1])
    images, ids = rendered(12)
    policy = parse_policy("all") if other.accepts_policy else None
    session = Session(other, rules=rules_for(other, policy), run=runtime("cpu", "float32"))
    for k, image in enumerate(images):
        session.push(image, ids[k] if k % 2 == 0 else None)
    for cohort in session.moment().state.cohorts:
        assert len([entry for entry in other.held(cohort.memory) if entry.role != "recent"]) <= SLOTS


def test_frames_of_another_size_are_refused(pair: tuple[AnySystem, Path]) -> None:
    other, _ = onnx.load(pair[1])
    with pytest.raises(SettingError, match="export it again"):
        Session(other, run=runtime("cpu", "float32")).push(
            np.zeros((96, 96, 3), np.uint8), np.ones((96, 96), np.uint16)
        )


def test_what_is_exported_again_is_left_as_it_is(pair: tuple[AnySystem, Path]) -> None:
    system, folder = pair
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    _, card = onnx.load(folder)
    with pytest.raises(SettingError, match="is there already"):
        onnx.export(system, card, folder, SIZE, SLOTS)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["graphs"]


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no exported model"):
        onnx.load(tmp_path)
    with pytest.raises(CheckpointError, match=r"see\.onnx: cannot be run"):
        onnx.Part(tmp_path / "see.onnx", SIZE, "cpu")
    system = ZOO["lstnet-mobilenet-v2"].tiny().build().eval()
    with pytest.raises(SettingError, match="stm and ddmemory models can"):
        onnx.export(system, Card("lstnet-mobilenet-v2"), tmp_path / "graphs", SIZE)
