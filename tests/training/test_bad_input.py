"""What is wrong with data and settings is said in a line: what, where, what to do."""

import json
import logging
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import job, procedural, recipe

from datasets import clip, davis, mose, youtube_vos
from longtake.errors import CheckpointError, InputError, SettingError
from longtake.training import runs
from longtake.training.loader import Skipped

VIDEO = {"stages.0.sources": {"video": 1}, "stages.0.shapes": [{"frames": 3, "side": 32}]}


def notes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "longtake"]


def test_missing_kinds_of_data_are_named_before_anything_is_written(data: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stage main needs videos with masks"):
        runs.start(job(data[1:]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_frames_without_masks(tmp_path: Path) -> None:
    root = davis(tmp_path / "davis", {"a": clip()}, "train")
    for mask in (root / "Annotations/480p/a").iterdir():
        mask.rename(mask.with_name(f"x{mask.name}"))
    with pytest.raises(InputError, match="video a has 6 frames and 6 masks, but no pair"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run")


def test_videos_without_masks_are_left_out_with_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = davis(tmp_path / "davis", {"a": clip(), "b": clip()}, "train")
    for mask in (root / "Annotations/480p/a").iterdir():
        mask.unlink()
    with caplog.at_level(logging.INFO, "longtake"):
        run = runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run")
    assert [video.video.name for video in run.sources.videos] == ["b"]
    told = next(note for note in notes(caplog) if "1 of 2 videos have no frame with a mask" in note)
    assert "video a has 6 frames and 0 masks" in told


def test_masks_without_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = davis(tmp_path / "davis", {"a": clip()}, "train")
    (root / "JPEGImages/480p/a/00002.jpg").unlink()
    with caplog.at_level(logging.INFO, "longtake"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run").run()
    assert any("masks without a frame" in note and "00002.png" in note for note in notes(caplog))


def test_sequences_shorter_than_the_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = davis(tmp_path / "davis", {"a": clip(frames=2)}, "train")
    with caplog.at_level(logging.INFO, "longtake"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run").run()
    assert any("1 videos have fewer frames with masks than clips take, 3" in note for note in notes(caplog))


def test_no_object_in_the_first_frame_of_any_clip(tmp_path: Path) -> None:
    root = davis(tmp_path / "davis", {"a": [np.zeros((48, 64), np.uint8)] * 6}, "train")
    with pytest.raises(InputError, match="no object of 64 pixels in the first frame of 200 clips in a row"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run").run()


def test_mixed_sizes_within_a_video(tmp_path: Path) -> None:
    frames = clip()
    root = davis(tmp_path / "davis", {"a": [*frames[:3], *(frame[:40, :50] for frame in frames[3:])]}, "train")
    with pytest.raises(InputError, match=r"a: mixed sizes: \d+.png is \d+x\d+, .* bring the frames and masks"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run").run()


def test_a_mask_of_another_size_than_its_frame(tmp_path: Path) -> None:
    root = youtube_vos(tmp_path / "yt", {"a": clip(frames=4)}, "train")
    for picture in (root / "train/JPEGImages/a").iterdir():
        Image.new("RGB", (100, 80)).save(picture)
    with pytest.raises(InputError, match="mixed sizes"):
        runs.start(job([root], "pretrain", **VIDEO), tmp_path / "run").run()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_image_is_named_skipped_and_counted(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    root = davis(tmp_path / "davis", {"a": clip(frames=12)}, "train")
    broken = root / "JPEGImages/480p/a/00005.jpg"
    broken.write_bytes(b"broken")
    (others := tmp_path / "cutouts").mkdir()
    for i in range(188):
        Image.new("RGBA", (2, 2)).save(others / f"{i}.png")
    small = VIDEO | {"workers": workers, "stages.0.steps": 8}
    with caplog.at_level(logging.INFO, "longtake"):
        run = runs.start(job([root, others], "pretrain", **small), tmp_path / "run")
        run.run()
    assert run.done == 8
    assert [note for note in notes(caplog) if "00005" in note] == [
        f"{broken}: not a readable image; another clip was taken (1 of 200 images so far)"
    ]
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len([event for event in events if event["event"] == "skipped"]) == 1


def test_up_to_one_percent_of_the_images_may_be_unreadable() -> None:
    skipped = Skipped(200)
    assert skipped.add(["a", "b", "a"]) == ["a", "b"]
    skipped.check()
    assert skipped.add(["b", "c"]) == ["c"]
    with pytest.raises(InputError, match=r"3 of 200 images cannot be read, more than 1 %.*the last: c"):
        skipped.check()


def test_more_than_one_percent_of_unreadable_images_stop_the_run(tmp_path: Path) -> None:
    root = davis(tmp_path / "davis", {"a": clip(frames=12)}, "train")
    (root / "JPEGImages/480p/a/00005.jpg").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"1 of 12 images cannot be read, more than 1 %; .*00005\.jpg"):
        runs.start(job([root], "pretrain", **VIDEO | {"stages.0.steps": 8}), tmp_path / "run").run()


def test_all_images_unreadable(data: list[Path], tmp_path: Path) -> None:
    for path in (data[0] / "JPEGImages/480p/toy").iterdir():
        path.write_bytes(b"broken")
    changes = {"workers": 1, "stages.0.sources": {"video": 1}}
    with pytest.raises(InputError, match=r"^200 clips in a row cannot be read; the last: /\S+\.jpg: not a readable"):
        runs.start(job(data, "pretrain", **changes), tmp_path / "run").run()
    assert not multiprocessing.active_children()  # though the traceback is still held


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("sede", 1, "recipe test: sede: no such setting; did you mean seed?"),
        ("stages.0.sorces", {}, "recipe test: stages.0.sorces: no such setting; did you mean sources?"),
        ("stages.0.shapes", [{"sied": 64}], "recipe test: stages.0.shapes.0.sied: no such setting; did you mean side?"),
        ("teaching.avrage", 0.9, "teaching.avrage: no such setting; did you mean average?"),
        ("teaching.losses", {"dise": 1}, "teaching.losses"),
        ("teaching.hardest", [[0.7, 1], [0.2, 0.1]], "progress rising within 0 and 1"),
        ("stages.0.sources", {"distractor": 0.5}, "no source has a weight"),
        ("stages.0.teaching", {"average": 0.5}, "average differs between stages"),
        ("stages.9.steps", 1, "--set stages.9.steps: the recipe has no such place"),
        ("model", "stn", "no preset stn"),
        ("options", {"kye": 3}, "has no kye"),
        ("seed", -1, "seed: Input should be greater than or equal to 0"),
        ("teaching.hardest", [[0.5, 1], [0.5, 0.1]], "progress rising"),
        ("stages.0.teaching", {"groups": [{"names": ["key.*"]}]}, "groups of different names"),
    ],
)
def test_settings_that_do_not_fit_are_refused(key: str, value: object, told: str) -> None:
    with pytest.raises(SettingError) as caught:
        recipe(**{key: value})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("teaching", "told"),
    [
        ({"frozen": ["backbon.*"]}, "no parameter of CompactSTM is named backbon.*"),
        ({"frozen": ["*"]}, "nothing is left to train"),
        ({"auxiliary": {"nodes": 1.0}}, "no output of the system is named nodes"),
    ],
)
def test_teaching_that_does_not_fit_the_system(tmp_path: Path, teaching: dict[str, object], told: str) -> None:
    changes = {f"teaching.{key}": value for key, value in teaching.items()}
    with pytest.raises(SettingError) as caught:
        runs.start(procedural(**changes), tmp_path / "run").run()
    assert told in str(caught.value)


def test_a_resume_with_other_data(data: list[Path], tmp_path: Path) -> None:
    runs.start(job(data), tmp_path / "run")
    (data[2] / "b.png").write_bytes((data[2] / "a.png").read_bytes())
    with pytest.raises(CheckpointError, match=r"other data in \S+cutouts \(1 files then, 2 now\).*--accept-changes"):
        runs.resume(tmp_path / "run")
    assert runs.resume(tmp_path / "run", accept_changes=True).done == 0


def test_what_was_accepted_is_recorded_and_accepted_once(data: list[Path], tmp_path: Path) -> None:
    runs.start(job(data), tmp_path / "run")
    (data[2] / "b.png").write_bytes((data[2] / "a.png").read_bytes())
    runs.resume(tmp_path / "run", accept_changes=True)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [change["step"] for change in record["resumed"]] == [0]
    assert "other data" in record["resumed"][0]["changes"][0]
    assert record["data"][2]["files"] == 1
    assert record["resumed"][0]["data"][2]["files"] == 2
    runs.resume(tmp_path / "run")


def test_other_weights_to_start_from(tmp_path: Path) -> None:
    runs.start(procedural(**{"stages.0.steps": 1}), tmp_path / "first").run()
    weights = tmp_path / "first" / "model.safetensors"
    runs.start(procedural(start=str(weights)), tmp_path / "second")
    (tmp_path / "first" / "checkpoint.pt").replace(weights)
    with pytest.raises(CheckpointError):
        runs.resume(tmp_path / "second")


def test_half_precision_without_an_accelerator(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SettingError, match="float16 is for CUDA"):
        runs.start(procedural(precision="float16"), tmp_path / "run")


def test_the_folder_of_a_split_is_data(tmp_path: Path) -> None:
    folder = mose(tmp_path, {"a": clip()}, "train_480p")
    run = runs.start(job([folder], "pretrain", **VIDEO), tmp_path / "run")
    assert [len(video) for video in run.sources.videos] == [6]


def test_davis_2016_takes_all_objects_as_one(tmp_path: Path) -> None:
    root = davis(tmp_path / "davis", {"a": clip(), "b": clip()}, "train")
    (root / "ImageSets/2016").mkdir()
    (root / "ImageSets/2016/train.txt").write_text("b\n")
    run = runs.start(job([root], "pretrain", **VIDEO | {"year": "2016"}), tmp_path / "run")
    assert [video.video.name for video in run.sources.videos] == ["b"]
    assert run.sources.videos[0].visible(0) == {1}


def test_photographs_without_a_usable_object(data: list[Path], tmp_path: Path) -> None:
    for mask in (data[1] / "masks").iterdir():
        Image.new("L", (128, 96)).save(mask)
    changes = {"stages.0.sources": {"pasted": 1.0}}
    with pytest.raises(InputError, match=r"no object of 0\.2 % to 60 % of the picture, nor in 199 others"):
        runs.start(job(data[1:2], "pretrain", **changes), tmp_path / "run").run()


def test_a_validation_that_finds_no_videos_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "longtake"):
        runs.start(procedural(validation={"split": "select"}), tmp_path / "run")
    assert any(note.startswith("nothing is validated: no data has a split select") for note in notes(caplog))


@pytest.mark.parametrize(("key", "told"), [("code", "other code"), ("versions", "other packages (torch 1.0 then")])
def test_a_resume_with_other_code_or_packages(tmp_path: Path, key: str, told: str) -> None:
    runs.start(procedural(), tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    facts = json.loads(path.read_text())
    facts[key] |= {"digest": "0" * 16} if key == "code" else {"torch": "1.0"}
    path.write_text(json.dumps(facts))
    with pytest.raises(CheckpointError) as caught:
        runs.resume(tmp_path / "run")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_frozen_parts_that_stay_random_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "longtake"):
        runs.start(procedural(**{"teaching.frozen": ["backbone.stages.0.*"]}), tmp_path / "run")
    assert any("stay random" in note for note in notes(caplog))
