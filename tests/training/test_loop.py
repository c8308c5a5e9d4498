"""Training on rendered data, in seconds: it learns, stops, goes on, and leaves no trace of having stopped."""

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from longtake.errors import CheckpointError, InputError, SettingError
from longtake.systems.checkpoint import load_checkpoint
from longtake.training import loop
from longtake.training.recipe import Recipe, load_recipe, parse_recipe, recipe_names, set_dotted
from longtake.video.palette import write_labels

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}
SHAPES = [{"frames": 3, "side": 64, "objects": 1}, {"frames": 3, "side": 64, "objects": 2}]


@pytest.fixture
def data(tmp_path: Path, rendered: Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]) -> list[Path]:
    """A data set in DAVIS layout, photographs with masks, and cut-outs; all rendered."""
    davis, stills, cutouts = tmp_path / "davis", tmp_path / "stills", tmp_path / "cutouts"
    for kind in ("JPEGImages", "Annotations"):
        (davis / kind / "480p" / "toy").mkdir(parents=True)
    (davis / "ImageSets" / "2016").mkdir(parents=True)
    (davis / "ImageSets" / "2016" / "train.txt").write_text("toy\n")
    for folder in (stills / "images", stills / "masks", cutouts):
        folder.mkdir(parents=True)
    for index, (image, ids) in enumerate(zip(*rendered(8, 96, 128), strict=True)):
        Image.fromarray(image).save(davis / "JPEGImages/480p/toy" / f"{index:05d}.jpg")
        write_labels(davis / "Annotations/480p/toy" / f"{index:05d}.png", ids.astype(np.uint16))
        Image.fromarray(image).save(stills / "images" / f"{index}.jpg")
        write_labels(stills / "masks" / f"{index}.png", ids.astype(np.uint16))
    Image.fromarray(np.dstack([image, (ids > 0) * np.uint8(255)])).save(cutouts / "a.png")
    return [davis, stills, cutouts]


def recipe(stages: str = "both", **changes: object) -> Recipe:
    stage = {"steps": 4, "batch": 2, "shapes": SHAPES, "rate": 0.0004}
    values: dict[str, object] = {
        "model": "stm-mobilenet-v2",
        "options": TINY,
        "precision": "float32",
        "workers": 0,
        "save_every": 3,
        "stages": [
            stage | {"name": "pretrain", "sources": {"stills": 0.6, "pasted": 0.4}},
            stage | {"name": "main", "sources": {"video": 0.8, "stills": 0.2}, "decay": 0.5, "hardest": 0.15},
        ],
    }
    for key, value in changes.items():
        set_dotted(values, key, value)
    return parse_recipe(values, "test", stages)


def losses(out: Path) -> list[tuple[str, ...]]:
    with (out / "losses.csv").open(newline="") as file:
        return [tuple(row[:6]) for row in csv.reader(file)]


def test_stopped_and_resumed_training_has_the_losses_of_an_undisturbed_run(data: list[Path], tmp_path: Path) -> None:
    loop.start(recipe(), data, tmp_path / "whole").run()
    stopped = tmp_path / "stopped"

    def stop(done: int, steps: int, loss: float) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        loop.start(recipe(), data, stopped).run(stop)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert torch.load(stopped / "checkpoint.pt")["done"] == 5
    loop.resume(stopped).run()
    assert losses(stopped) == losses(tmp_path / "whole")
    assert len(losses(stopped)) == 1 + 8
    whole, again = (torch.load(out / "checkpoint.pt") for out in (tmp_path / "whole", stopped))
    assert all(torch.equal(whole["average"][name], again["average"][name]) for name in whole["average"])


def test_a_killed_run_goes_on_from_its_last_save(data: list[Path], tmp_path: Path) -> None:
    """Losses of steps that were not saved are written again, not twice."""
    loop.start(recipe(), data, tmp_path / "whole").run()

    class Killed(BaseException):
        pass

    def kill(done: int, steps: int, loss: float) -> None:
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        loop.start(recipe(), data, tmp_path / "killed").run(kill)
    resumed = loop.resume(tmp_path / "killed")
    assert resumed.done == 3
    resumed.run()
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def test_a_run_delivers_a_model_that_loads_by_its_path(data: list[Path], tmp_path: Path) -> None:
    run = loop.start(recipe(**{"data.toy": "made here"}), data, tmp_path / "run")
    run.run()
    system, card = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert card.preset == "stm-mobilenet-v2"
    assert card.data == {"toy": "made here"}
    averaged = run.average.module.state_dict()
    assert all(
        torch.equal(value, averaged[name]) for name, value in system.state_dict().items() if "tracked" not in name
    )


def test_a_run_goes_on_from_a_checkpoint_of_another(data: list[Path], tmp_path: Path) -> None:
    short = {"stages.0.steps": 1, "stages.1.steps": 1}
    loop.start(recipe(**short), data, tmp_path / "first").run()
    second = loop.start(recipe(start=str(tmp_path / "first" / "model.safetensors")), data, tmp_path / "second")
    first, _ = load_checkpoint(tmp_path / "first" / "model.safetensors")
    started = second.system.state_dict()
    assert all(torch.equal(value, started[name]) for name, value in first.state_dict().items())


@pytest.mark.slow
def test_training_learns_a_rendered_clip(data: list[Path], tmp_path: Path) -> None:
    changes = {
        "stages.0.steps": 80,
        "stages.0.rate": 0.002,
        "stages.0.shapes": SHAPES[:1],
        "stages.0.sources": {"video": 1, "distractor": 0, "lookalike": 0},
    }
    loop.start(recipe("pretrain", **changes), data[:1], tmp_path / "run").run()
    values = [float(row[2]) for row in losses(tmp_path / "run")[1:]]
    assert np.mean(values[-10:]) < 0.75 * np.mean(values[:10])


def test_every_shipped_recipe_is_valid() -> None:
    for name in recipe_names():
        assert load_recipe(name, {}).steps > 0


def test_a_second_run_in_the_same_folder_is_refused(data: list[Path], tmp_path: Path) -> None:
    short = recipe(**{"stages.0.steps": 1, "stages.1.steps": 1})
    loop.start(short, data, tmp_path / "run").run()
    with pytest.raises(SettingError, match="--resume"):
        loop.start(short, data, tmp_path / "run")


def test_a_damaged_checkpoint_is_named(data: list[Path], tmp_path: Path) -> None:
    loop.start(recipe(**{"stages.0.steps": 1, "stages.1.steps": 1}), data, tmp_path / "run").run()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: cannot be resumed"):
        loop.resume(tmp_path / "run")


def test_missing_kinds_of_data_are_named_before_anything_is_written(data: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs videos with masks"):
        loop.start(recipe(), data[1:], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unreadable_image_is_named_by_the_worker_too(data: list[Path], tmp_path: Path) -> None:
    for path in (data[0] / "JPEGImages/480p/toy").iterdir():
        path.write_bytes(b"broken")
    changes = {"workers": 1, "stages.0.sources": {"video": 1}}
    with pytest.raises(InputError, match=r"^/\S+\.jpg: not a readable image$"):
        loop.start(recipe("pretrain", **changes), data, tmp_path / "run").run()


@pytest.mark.parametrize(
    ("key", "value"),
    [("model.key", 3), ("stages.9.steps", 1), ("stages.x", 1), ("stages.0.shapes", [{"side": 100}]), ("sede", 1)],
)
def test_settings_that_do_not_fit_are_refused(key: str, value: object) -> None:
    with pytest.raises(SettingError):
        recipe(**{key: value})


def test_frozen_parts_and_rates() -> None:
    from longtake.training.optim import build_optimizer, rate_at
    from longtake.training.recipe import Sources, Stage

    chosen = recipe(frozen=["backbone.stem_conv"])
    system = loop.build_system(chosen)
    optimizer = build_optimizer(system, chosen)
    assert not system.get_parameter("backbone.stem_conv.weight").requires_grad
    assert sorted({group["share"] for group in optimizer.param_groups}) == [0.25, 1.0]
    stage = Stage(name="main", steps=100, rate=2.0, warm_up=10, decay=0.5, sources=Sources(video=1))
    assert [rate_at(stage, step) for step in (0, 9, 50, 75)] == [0.2, 2.0, 2.0, 1.0]
