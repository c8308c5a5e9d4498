"""Devices, precisions, and parts that are compiled or cannot be."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.errors import SettingError
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


def tiny(name: str = "stm-mobilenet-v2") -> AnySystem:
    torch.manual_seed(0)
    return ZOO[name].tiny().build().eval()


@pytest.mark.parametrize(("device", "precision"), [("tpu", "auto"), ("cpu", "float8"), ("cpu", "int8")])
def test_what_there_is_not_is_refused_with_what_there_is(device: str, precision: str) -> None:
    with pytest.raises(SettingError, match="use auto"):
        runtime(device, precision)


def test_parts_are_called_through_the_compiler(rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[str]()

    def compiler(call: Callable[..., Any], **how: Any) -> Callable[..., Any]:
        assert how == {"dynamic": False}
        made.append(call.__name__)
        return call

    monkeypatch.setattr(torch, "compile", compiler)
    run = runtime("cpu", "float32")
    system, (images, ids) = run.compiled(tiny(), slots=3), rendered(6)
    assert made == list(system.parts)
    session, other = Session(system, run=run), Session(tiny(), rules=rules_for(system), run=run)
    for k, image in enumerate(images):
        fast, slow = (each.push(image, None if k else ids[0]).probabilities for each in (session, other))
        np.testing.assert_allclose(fast, slow, atol=1e-5)
    assert len(session.remembered) <= 3


def test_a_part_that_cannot_be_compiled_runs_as_it_is_with_one_warning_each(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def compiler(call: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        def fails(*_: Any) -> Any:
            raise torch._dynamo.exc.TorchDynamoException("no C++ compiler\nand much more")

        return fails

    monkeypatch.setattr(torch, "compile", compiler)
    run, (images, ids) = runtime("cpu", "float32"), rendered(4)
    session = Session(run.compiled(tiny(), slots=8), run=run)
    with caplog.at_level(logging.WARNING, "longtake"):
        for k, image in enumerate(images):
            session.push(image, None if k else ids[0])
    assert sorted(record.getMessage() for record in caplog.records) == [
        f"--compile: {part} cannot be compiled (no C++ compiler); going on without" for part in sorted(tiny().parts)
    ]


def test_a_system_without_parts_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "longtake"):
        runtime("cpu", "float32").compiled(tiny("lstnet-mobilenet-v2"), slots=8)
    assert "no parts" in caplog.text
