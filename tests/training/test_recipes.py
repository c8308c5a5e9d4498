"""The shipped recipes run: those of the papers in tiny, the compact ones at their own size."""

import csv
import dataclasses
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtake.data.synthetic import demo_clip
from longtake.errors import SettingError
from longtake.systems.zoo import preset
from longtake.training import folder, runs
from longtake.training.folder import Job
from longtake.training.optim import build_optimizer, set_rates
from longtake.training.parse import KINDS, kind_of, load_recipe, recipe_names
from longtake.training.recipe import Recipe
from longtake.video.palette import write_labels

SYSTEMS = ("stm", "ddmemory", "dtmnet", "lstnet", "dmn-aoa")
MEASURED = Path(__file__).parents[2] / "docs" / "comparison"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos in the layout of DAVIS, three objects each."""
    root = tmp_path_factory.mktemp("davis")
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("first\nsecond\n")
    for seed, name in enumerate(("first", "second")):
        write(root / "JPEGImages/480p" / name, root / "Annotations/480p" / name, demo_clip(10, 160, 224, seed))
    return root


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs with masks, of sorts."""
    root = tmp_path_factory.mktemp("stills")
    write(root / "images", root / "masks", demo_clip(4, 160, 224, seed=3))
    return root


def write(images: Path, masks: Path, clip: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
    for place in (images, masks):
        place.mkdir(parents=True)
    for index, (image, ids) in enumerate(clip):
        Image.fromarray(image).save(images / f"{index:05d}.jpg")
        write_labels(masks / f"{index:05d}.png", ids.astype(np.uint16))


def in_tiny(name: str) -> dict[str, Any]:
    """Settings that shrink a recipe: the tiny preset, small crops of the same kind, three or four steps of one clip."""
    recipe = load_recipe(name, {})
    tiny: Any = preset(recipe.model, recipe.options).tiny()
    fit, settings = tiny.build().fit, {"workers": 0, "precision": "float32"}
    settings |= {f"options.{key}": value for key, value in dataclasses.asdict(tiny).items()}
    for number, stage in enumerate(recipe.stages):
        settings |= {f"stages.{number}.steps": -(-3 // len(recipe.stages)), f"stages.{number}.batch": 1}
        for k, shape in enumerate(stage.shapes):
            height, width = shape.size
            side = fit.place((64, round(64 * width / height))).fitted
            settings[f"stages.{number}.shapes.{k}.side"] = list(side)
    return settings


def data_of(recipe: Recipe, videos: Path, stills: Path) -> tuple[Path, ...]:
    """The kinds of data that the stages name, and no other."""
    wanted = {
        videos: any(stage.sources.video for stage in recipe.stages),
        stills: any(stage.sources.stills or stage.sources.pasted for stage in recipe.stages),
    }
    return tuple(root for root, needed in wanted.items() if needed)


def check_run(recipe: Recipe, data: tuple[Path, ...], out: Path) -> None:
    """It trains every stage, its losses are numbers, and its model is there."""
    assert runs.start(Job(recipe, data), out).run() is None
    with (out / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == [stage.name for stage in recipe.stages for _ in range(stage.steps)]
    assert all(math.isfinite(float(row["loss"])) for row in rows)
    assert (out / folder.MODEL).exists()


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_recipe_of_a_paper_trains(system: str, videos: Path, stills: Path, tmp_path: Path) -> None:
    name = f"{system}-paper"
    recipe = load_recipe(name, in_tiny(name))
    check_run(recipe, data_of(recipe, videos, stills), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_compact_recipe_trains_at_its_size(system: str, videos: Path, stills: Path, tmp_path: Path) -> None:
    """The whole network on its own crops, two steps of photographs and one of videos; a clip a step."""
    steps = {"stages.0.steps": 2, "stages.1.steps": 1, "stages.0.batch": 1, "stages.1.batch": 1}
    recipe = load_recipe(f"{system}-compact", {**steps, "workers": 0})
    check_run(recipe, data_of(recipe, videos, stills), tmp_path / "run")


@pytest.mark.parametrize("system", SYSTEMS)
def test_compact_recipes_are_those_of_the_comparison(system: str) -> None:
    kept = json.loads((MEASURED / f"{system}-1.json").read_text())["recipe"]
    recipe = json.loads(load_recipe(f"{system}-compact", {"backbone": kept["backbone"]}).model_dump_json())
    assert recipe == kept


def test_a_list_leaves_videos_out_of_the_folder_of_a_split(
    tmp_path: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a comparison on training videos that were kept out; a run knows the list from anywhere."""
    for kind in ("JPEGImages", "Annotations"):
        shutil.copytree(videos / kind / "480p", tmp_path / "train" / kind)
    (tmp_path / "rest.txt").write_text("second\n")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("lstnet-paper", in_tiny("lstnet-paper") | {"split": "rest.txt"})
    trainer = runs.start(Job(recipe, (tmp_path / "train",)), tmp_path / "run")
    assert [footage.video.name for footage in trainer.sources.videos] == ["second"]
    assert trainer.job.recipe.split == str(tmp_path / "rest.txt")


def test_recipes_are_listed_kind_by_kind_with_a_line_each() -> None:
    names = recipe_names()
    kinds = list(KINDS.values())
    assert [kind_of(name) for name in names] == sorted(map(kind_of, names), key=kinds.index)
    assert {f"{system}{ending}" for system in SYSTEMS for ending in ("-paper", "-compact")} <= names.keys()
    assert all(said.endswith(".") for said in names.values())


def test_stm_skips_from_none_to_twenty_five_frames() -> None:
    """Section 3.5; a gap is one more than what is skipped."""
    first, second = load_recipe("stm-paper", {}).stages
    gap = second.shapes[0].gap
    assert isinstance(gap, tuple)
    assert (gap[0], gap[-1][1]) == ((0.0, 1), 26)
    for stage in (first, second):
        assert (stage.batch, stage.rate, stage.shapes[0].frames, stage.shapes[0].side) == (4, 1e-5, 3, 384)
        assert stage.teaching.schedule.kind == "constant"


def test_ddmemory_s_three_stages() -> None:
    """Rates and decay of section A.2 and 5.1; on LVOS the identity bank rests."""
    recipe = load_recipe("ddmemory-paper", {})
    assert [(s.rate, s.teaching.weight_decay) for s in recipe.stages] == [(4e-4, 0.03), (2e-4, 0.07), (5e-4, 0.07)]
    last = recipe.stages[-1]
    assert (last.name, last.steps * last.batch) == ("finetune", 2 * 120)
    system = preset("ddmemory-mobilenet-v2").tiny().build()
    optimizer = build_optimizer(system, recipe.teaching)
    set_rates(optimizer, last, 0)
    bank = {id(parameter) for name, parameter in system.named_parameters() if name.startswith("identities.")}
    rates = {bool(bank & set(map(id, g["params"]))): g["lr"] for g in optimizer.param_groups}
    assert rates[True] == 0
    assert rates[False] > 0


def test_a_base_is_read_first_and_no_place_is_another(tmp_path: Path) -> None:
    """Places of the base are set by dotted names, from the first to the last; YAML's aliases share nothing."""
    middle, own = tmp_path / "middle.yaml", tmp_path / "own.yaml"
    middle.write_text("base: five-memories\nseed: 7\nstages.0.shapes.0.frames: 6\n")
    own.write_text(f"base: {middle}\nseed: 8\n")
    recipe = load_recipe(str(own), {"stages.0.shapes.1.side": 192})
    assert (recipe.seed, recipe.model) == (8, "stm-mobilenet-v2")
    assert [[shape.frames for shape in stage.shapes] for stage in recipe.stages] == [[6, 4, 4, 4], [4, 4, 4, 4]]
    assert [stage.shapes[1].side for stage in recipe.stages] == [192, 256]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base: none-such\n", "no recipe none-such; there are: ddmemory-paper"),
        ("base: {own}\n", "own.yaml: it is its own base"),
        ("base: five-memories\nstages.7.rate: 1\n", "stages.7.rate: the recipe has no such place"),
        ("base: five-memories\nsede: 1\n", "sede: no such setting; did you mean seed"),
        ("- 1\n", "not a YAML file with named stages"),
        ("", "not a YAML file with named stages"),
    ],
)
def test_a_base_that_does_not_do_is_told(text: str, told: str, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text.format(own=own))
    with pytest.raises(SettingError, match=told):
        load_recipe(str(own), {})
