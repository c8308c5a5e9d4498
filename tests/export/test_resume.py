"""Runs that are stopped, and gone on with: everything comes out as if they had not been."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtake.engine.session import Session
from longtake.errors import SettingError
from longtake.export.resume import NAME
from longtake.export.segment import segment
from longtake.types import Prediction


def contents(out: Path) -> dict[str, bytes]:
    """All files but the record, which holds times."""
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    record = json.loads(found.pop("run.json"))
    return found | {"run.json": json.dumps([record["frames"], record["objects"], record["stopped"]]).encode()}


@pytest.fixture
def follow(folder_clip: tuple[Path, Path], tiny_model: Path) -> Callable[..., int]:
    frames, masks = folder_clip

    def call(out: Path, **settings: Any) -> int:
        words = {
            "model": str(tiny_model),
            "save": ("overlay", "probabilities", "matte", "yolo"),
            "checkpoint": 0.0,
            "explain": ("#4",),
        }
        return segment(frames, masks / "0.png", out, **(words | settings))

    return call


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sessions that break at their next push after so many; how many there were."""
    push, pushes = Session.push, list[int]()

    def limited(self: Session, *words: Any, **more: Any) -> Prediction:
        if len(pushes) == count:
            raise KeyboardInterrupt
        pushes.append(self.time)
        return push(self, *words, **more)

    monkeypatch.setattr(Session, "push", limited)
    return pushes


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_a_stopped_run_is_gone_on_with(
    follow: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    assert follow(tmp_path / "whole") == 6
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_after(count, patched)
        follow(tmp_path / "out")
    assert (tmp_path / "out" / NAME).exists() == (count > 0)
    with monkeypatch.context() as patched:
        pushes = stop_after(99, patched)
        assert follow(tmp_path / "out", resume=True) == 6
    assert min(count, 1) <= pushes[0] <= count  # the first is saved, later ones where saving takes little of the time
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert follow(tmp_path / "out", resume=True) == 6
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_other_settings_and_other_inputs_are_refused(
    follow: Callable[..., int],
    folder_clip: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_after(3, patched)
        follow(out)
    with pytest.raises(SettingError, match="another short_side"):
        follow(out, size=32, resume=True)
    kept = contents(out)
    mask = folder_clip[1] / "0.png"
    Image.fromarray(np.array(Image.open(mask))).save(mask)
    os.utime(mask, (1, 1))
    with pytest.raises(SettingError, match="another inputs"):
        follow(out, resume=True)
    (out / NAME).write_bytes(b"nothing")
    with pytest.raises(SettingError, match="not a saved state"):
        follow(out, resume=True)
    assert {name: kept[name] for name in kept if name != NAME} == {
        name: value for name, value in contents(out).items() if name != NAME
    }
    assert follow(out) == 6
    assert not (out / NAME).exists()


def test_a_stream_is_not_gone_on_with(follow: Callable[..., int], tiny_model: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    Image.fromarray(np.ones((4, 4), np.uint8)).save(mask)
    with pytest.raises(SettingError, match="--resume"):
        segment("rtsp://127.0.0.1:1/none", mask, tmp_path / "out", model=str(tiny_model), resume=True)
