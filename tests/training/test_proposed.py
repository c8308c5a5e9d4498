"""Proposals in training: read beside the images, warped like the objects, refused where nobody can have looked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import job, losses, recipe

from longtake.data.clips import Shape, StillClips, VideoClips
from longtake.data.mixture import Mixture
from longtake.errors import InputError, SettingError
from longtake.training import runs
from longtake.training.batch import make_batch
from longtake.training.sources import open_sources
from longtake.types import Proposals
from longtake.video.proposals import read_proposals, write_proposals

TINY = {"base": [8, 8, 16], "features": 16, "projected": 8, "refine_widths": [16, 8, 8], "groups": 4, "match_steps": 4}
ONE = [{"frames": 3, "side": 64, "objects": 1}]
OWN = {"model": "dmn-aoa-mobilenet-v2", "options": TINY, "stages.0.shapes": ONE, "stages.0.steps": 2}


@pytest.fixture
def proposed(data: list[Path], tmp_path: Path) -> Path:
    """A file for each image: its objects' own masks, and an empty one."""
    for root in data[:2]:
        for mask in root.rglob("*.png"):
            ids = np.array(Image.open(mask))
            masks = np.stack([ids == 1, ids == 2, ids == 99])
            place = mask.relative_to(root).with_suffix(".json")
            renamed = [{"Annotations": "JPEGImages", "masks": "images"}.get(part, part) for part in place.parts]
            path = tmp_path / "found" / root.name / Path(*renamed)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_proposals(path, Proposals(masks, np.array([0.9, 0.8, 0.7], np.float32)))
    return tmp_path / "found"


def changes(proposed: Path, **sources: float) -> dict[str, object]:
    return OWN | {"proposals": str(proposed), "stages.0.sources": sources or {"stills": 0.5, "video": 0.5}}


@pytest.mark.parametrize("kind", ["stills", "video"])
def test_proposals_are_warped_like_the_objects_that_they_show(data: list[Path], proposed: Path, kind: str) -> None:
    """Those of the files are the true masks, so in every frame of a clip one of them is the object itself."""
    opened = open_sources(recipe("pretrain", **changes(proposed)), data[:2])
    source = StillClips(opened.stills, opened.store, opened.proposed) if kind == "stills" else VideoClips(opened.videos)
    clip = Mixture([(1.0, source)]).draw(np.random.default_rng(5), Shape(3, (64, 64)))
    assert clip.proposals is not None
    for ids, masks in zip(clip.ids, clip.proposals, strict=True):
        assert masks.shape in ((1, 64, 64), (2, 64, 64))  # one object leaves
        assert any(np.array_equal(mask > 0, ids == 1) for mask in masks)


def test_a_run_with_proposals_is_stopped_and_resumed_without_a_trace(
    data: list[Path], proposed: Path, tmp_path: Path
) -> None:
    made = changes(proposed) | {"stages.0.steps": 4, "save_every": 2, "workers": 1}
    whole = runs.start(job(data[:2], "pretrain", **made), tmp_path / "whole")
    whole.run()

    def stop(done: int, steps: int, note: str) -> None:
        if done == 2:
            raise InputError("stopped")

    with pytest.raises(InputError, match="stopped"):
        runs.start(job(data[:2], "pretrain", **made), tmp_path / "cut").run(stop)
    runs.resume(tmp_path / "cut").run()
    assert losses(tmp_path / "cut")[-2:] == losses(tmp_path / "whole")[-2:]


def test_the_loss_knows_of_the_proposals(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    runs.start(job(data[:2], "pretrain", **changes(proposed)), tmp_path / "with").run()
    without = changes(proposed) | {"proposals": None}
    runs.start(job(data[:2], "pretrain", **without), tmp_path / "without").run()
    assert losses(tmp_path / "with")[1:] != losses(tmp_path / "without")[1:]


def test_a_missing_file_is_named(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    for path in (proposed / "davis").rglob("*.json"):
        path.unlink()
    with pytest.raises(InputError, match=r"found/davis/.*\.json: no such file; every frame needs one"):
        runs.start(job(data[:2], "pretrain", **changes(proposed, video=1.0)), tmp_path / "run").run()
    with pytest.raises(
        InputError, match=r"proposals: .*nowhere holds no FRAME\.json; write them with: longtake propose"
    ):
        runs.start(job(data[:2], "pretrain", **changes(tmp_path / "nowhere")), tmp_path / "other")


def test_proposals_of_another_size_are_named(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    for path in proposed.rglob("*.json"):
        write_proposals(path, Proposals(np.ones((1, 5, 6), bool), np.ones(1, np.float32)))
    with pytest.raises(InputError, match="proposals for another size than the 128x96 pixels"):
        runs.start(job(data[:2], "pretrain", **changes(proposed)), tmp_path / "run").run()


@pytest.mark.parametrize("kind", ["pasted", "procedural", "merged", "distractor", "lookalike"])
def test_what_is_laid_over_has_none(kind: str) -> None:
    with pytest.raises(SettingError, match=rf"nobody looked for any in what stages\.0\.sources\.{kind} draws"):
        recipe("pretrain", **changes(Path("found"), video=1.0, **{kind: 0.5}))


def test_a_turned_image_is_refused(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    for path in proposed.rglob("*.json"):
        write_proposals(path, read_proposals(path), orientation=6)
    with pytest.raises(InputError, match=r"its image is stored turned \(EXIF\)"):
        runs.start(job(data[:2], "pretrain", **changes(proposed)), tmp_path / "run").run()


def test_folders_of_one_name_are_refused(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/davis").symlink_to(data[0])
    with pytest.raises(InputError, match="several folders of data are named davis"):
        runs.start(
            job([data[0], tmp_path / "other/davis"], "pretrain", **changes(proposed, video=1.0)), tmp_path / "run"
        )


def test_other_systems_refuse_them(data: list[Path], proposed: Path, tmp_path: Path) -> None:
    other = {"proposals": str(proposed), "stages.0.sources": {"video": 1.0}}
    with pytest.raises(SettingError, match="CompactSTM takes no proposals"):
        runs.start(job(data[:2], "pretrain", **other), tmp_path / "run")


def test_late_objects_come_one_clip_at_a_time(data: list[Path], tmp_path: Path) -> None:
    late = OWN | {"stages.0.shapes": [ONE[0] | {"late": True}], "stages.0.sources": {"video": 1.0}}
    with pytest.raises(SettingError, match="with late objects dmn-aoa-mobilenet-v2 takes one clip at a time"):
        runs.start(job(data, "pretrain", **late), tmp_path / "run")


def test_a_batch_has_tight_boxes_about_what_is_proposed() -> None:
    masks = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
    masks[0, 0, 0, 4:8, 10:20] = 1
    ids = torch.zeros(1, 2, 32, 32, dtype=torch.uint8)
    images = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
    clip = make_batch(images, ids, torch.device("cpu"), proposals=masks).clip
    assert clip.proposals is not None
    first, second = clip.proposals
    assert first.boxes[0, 0].tolist() == [10, 4, 20, 8]
    assert first.valid.tolist() == [[True, False, False]]
    assert second.valid.any().item() is False
    assert make_batch(images, ids, torch.device("cpu")).clip.proposals is None
