import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from longtake.cli.main import main
from longtake.data.synthetic import render
from longtake.engine.unroll import Clip
from longtake.geometry import Fit
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO, preset
from longtake.testing.contract import ACTORS, fitted_clip
from presets import DISTINCT, Rendered

settings.register_profile("longtake", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("longtake")

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def silent() -> Iterator[None]:
    """No lines of progress on stderr, however long a busy machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("longtake.cli.progress.EVERY", math.inf)
        yield


@pytest.fixture(scope="session")
def rendered() -> Callable[..., Rendered]:
    def make(frames: int = 6, height: int = 64, width: int = 96, seed: int = 3) -> Rendered:
        images, ids = zip(*render(ACTORS, frames, height, width, seed), strict=True)
        return list(images), list(ids)

    return make


@pytest.fixture
def clip(request: pytest.FixtureRequest) -> Clip:
    """A clip on the grid of the system, where a test has one."""
    return fitted_clip(request.getfixturevalue("system").fit if "system" in request.fixturenames else Fit())


@pytest.fixture(params=sorted(DISTINCT.values()))
def system(request: pytest.FixtureRequest) -> AnySystem:
    torch.manual_seed(0)
    return ZOO[request.param].tiny().build().eval()


@pytest.fixture
def shared() -> Path:
    path = Path(os.environ.get("LONGTAKE_SHARED", "../shared"))
    if not path.is_dir():
        pytest.skip(f"{path} holds no reference outputs; set LONGTAKE_SHARED")
    return path


@pytest.fixture
def folder_clip(tmp_path: Path, rendered: Callable[..., Rendered]) -> tuple[Path, Path]:
    """A folder of frames and one of palette masks."""
    from PIL import Image

    from longtake.video.palette import write_labels

    frames, masks = tmp_path / "frames", tmp_path / "masks"
    frames.mkdir()
    masks.mkdir()
    for index, (image, ids) in enumerate(zip(*rendered(), strict=True)):
        Image.fromarray(image).save(frames / f"{index}.png")
        write_labels(masks / f"{index}.png", ids.astype(np.uint16))
    return frames, masks


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
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
