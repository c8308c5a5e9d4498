import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longtake.cli.main import main
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.zoo import preset

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, preset("stm-mobilenet-v2", TINY).build().state_dict(), Card("stm-mobilenet-v2", TINY))
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the program in this process and gives its exit status."""

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["longtake", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
            raise SystemExit(0)
        return int(stopped.value.code or 0)

    return call
