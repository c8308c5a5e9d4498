"""The precision that is chosen, and that it is timed once."""

from pathlib import Path

import pytest
import torch

from longtake.engine import precision

CPU = torch.device("cpu")


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[torch.dtype, float]:
    """What products are said to take, and an empty cache; `count` grows by each that is timed."""
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(precision, "_seconds", lambda _, dtype: seconds[dtype])
    return seconds


@pytest.mark.parametrize(("seconds", "wanted"), [(0.5, torch.bfloat16), (0.9, torch.float32), (5.0, torch.float32)])
def test_half_precision_only_where_it_gains(
    timed: dict[torch.dtype, float], seconds: float, wanted: torch.dtype
) -> None:
    timed[torch.bfloat16] = seconds
    assert precision.fastest(CPU) is wanted


def test_it_is_timed_once(timed: dict[torch.dtype, float]) -> None:
    assert precision.fastest(CPU) is torch.bfloat16
    timed.clear()
    assert precision.fastest(CPU) is torch.bfloat16


@pytest.mark.parametrize("damage", ["", "[1]", '{"cpu": 3}', "{"])
def test_a_damaged_memory_of_it_is_written_anew(timed: dict[torch.dtype, float], tmp_path: Path, damage: str) -> None:
    assert precision.fastest(CPU) is torch.bfloat16
    path = tmp_path / "longtake/precision.json"
    path.write_text(damage)
    assert precision.fastest(CPU) is torch.bfloat16
    timed.clear()
    assert precision.fastest(CPU) is torch.bfloat16


def test_a_cache_that_cannot_be_written_is_done_without(
    timed: dict[torch.dtype, float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert precision.fastest(CPU) is torch.bfloat16


def test_products_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "SIDE", 8)
    assert 0 < precision._seconds(CPU, torch.float32) < 10
    assert precision._seconds(CPU, torch.uint16) == float("inf")
    assert precision.fastest(torch.device("meta")) is torch.float32
