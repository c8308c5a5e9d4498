"""Submissions: exactly the frames that a server takes, as it takes them; or every problem, and nothing written."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import datasets
from longtake.errors import InputError, OutputError, SettingError, UnfitError
from longtake.evaluation.submission.pack import submit

CLIPS = {"cup": datasets.clip(6, (1, 2)), "dog": datasets.clip(8, (3,))}
LATE = {"cup": datasets.clip(6, (1, 2), late={2: 3}), "dog": datasets.clip(8, (1,))}


def first_masks_only(folder: Path) -> None:
    """Leaves, of each video, the mask of the first frame, as in the splits that only servers score."""
    for video in folder.iterdir():
        for path in sorted(video.iterdir())[1:]:
            path.unlink()


def contents(archive: Path) -> dict[str, np.ndarray]:
    """Ids by path; every image is an 8-bit palette PNG."""
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == sorted(packed.namelist()) and packed.testzip() is None
        found = {}
        for name in packed.namelist():
            content = packed.read(name)
            assert content[24:26] == bytes([8, 3])
            found[name] = np.array(Image.open(io.BytesIO(content)))
        return found


def record(path: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_davis(tmp_path: Path, run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    root = datasets.davis(tmp_path / "d", CLIPS, split="test-dev")
    datasets.davis(root, {"owl": CLIPS["dog"]}, split="val")
    first_masks_only(root / "Annotations" / "480p")
    results = datasets.folders(tmp_path / "r", {**CLIPS, "owl": CLIPS["dog"]})
    out = tmp_path / "new" / "a.zip"
    assert run("export", results, "--to", "davis", "--annotations", root, "--out", out) == 0
    assert "davis, split test-dev: 2 videos, 14 frames, 3 objects, as <video>/<frame>.png" in capfd.readouterr().out
    found = contents(out)
    assert list(found) == [f"{v}/{t:05d}.png" for v in ("cup", "dog") for t in range(len(CLIPS[v]))]
    assert all((labels == CLIPS[name[:3]][int(name[4:9])]).all() for name, labels in found.items())
    facts = record(tmp_path / "new" / "a.json")
    assert (facts["benchmark"], facts["split"], facts["input"], facts["frames"]) == ("davis", "test-dev", None, 14)
    assert sorted(path.name for path in out.parent.iterdir()) == ["a.json", "a.zip"]


def test_youtube_vos_has_the_listed_frames_and_no_object_before_its_first(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", LATE)
    datasets.youtube_vos(root, {"owl": LATE["dog"]}, split="train")
    first_masks_only(root / "valid" / "Annotations")
    meta = root / "valid" / "meta.json"
    content = json.loads(meta.read_text())
    del content["videos"]["dog"]["objects"]["1"]["frames"][:2]
    meta.write_text(json.dumps(content))
    found = {"cup": datasets.clip(6, (1, 2)), "dog": LATE["dog"]}
    done = submit(datasets.folders(tmp_path / "r", found, 5), root, "youtube-vos", tmp_path / "a.zip")
    images = contents(done.path)
    names = {f"cup/{5 * t:05d}" for t in range(6)} | {f"dog/{5 * t:05d}" for t in range(2, 8)}
    assert set(images) == {f"Annotations/{name}.png" for name in names}
    assert [2 in images[f"Annotations/cup/{5 * t:05d}.png"] for t in range(6)] == [False] * 3 + [True] * 3
    facts = record(done.record)
    assert facts["input"]["rate"] == "6fps" and facts["objects"] == 3
    assert facts["notes"] == [
        "cup: 3 frames where object 2 was taken out, which begins at 00015: 00000, 00005, 00010",
        "2 predictions of frames that are not asked for, left out",
    ]


def test_the_rate_of_the_input_is_found_out(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", {"dog": LATE["dog"]})
    results = datasets.folders(tmp_path / "r", {"dog": LATE["dog"][:1] * 36})
    done = submit(results, root / "valid", "youtube-vos", tmp_path / "a.zip")
    assert done.facts["input"]["rate"] == "all-frames" and done.facts["frames"] == 8
    with pytest.raises(SettingError, match="--input 6fps: 28 predictions of frames between those of 6 fps"):
        submit(results, root, "youtube-vos", tmp_path / "a.zip", split="valid_all_frames", rate="6fps")
    sparse = datasets.folders(tmp_path / "s", {"dog": LATE["dog"]}, 5)
    assert submit(sparse, root, "youtube-vos", tmp_path / "a.zip").facts["input"]["rate"] == "6fps"
    done = submit(sparse, root, "youtube-vos", tmp_path / "a.zip", split="valid_all_frames", rate="all-frames")
    assert done.facts["input"] == {"rate": "all-frames", "known_from": "as given"}
    with pytest.raises(SettingError, match="without that ending it is a folder"):
        submit(results, root, "youtube-vos", tmp_path / "a.tar.gz")
    with pytest.raises(SettingError, match="--input 30: not a rate; use one of: 6fps, all-frames"):
        submit(results, root, "youtube-vos", tmp_path / "a.zip", rate="30")
    with pytest.raises(SettingError, match="leave --input out"):
        submit(results, root, "davis", tmp_path / "a.zip", rate="6fps")


def test_lvos(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", LATE, split="test")
    datasets.lvos(root, {"owl": LATE["dog"]})
    first_masks_only(root / "test" / "Annotations")
    done = submit(datasets.folders(tmp_path / "r", LATE, 5, 1, 8), root, "lvos", tmp_path / "a.zip")
    names = [f"Annotations/{v}/{1 + 5 * t:08d}.png" for v in LATE for t in range(len(LATE[v]))]
    assert list(contents(done.path)) == names and done.facts["split"] == "test"
    (root / "test" / "test_meta.json").unlink()
    with pytest.raises(UnfitError, match="cup: 3 predictions with id 2, which the given masks lack"):
        submit(tmp_path / "r", root, "lvos", tmp_path / "b.zip")


def test_mose_and_a_folder(tmp_path: Path) -> None:
    folder = datasets.mose(tmp_path / "d", CLIPS, split="valid")
    first_masks_only(folder / "Annotations")
    results = datasets.folders(tmp_path / "r", CLIPS)
    done = submit(results, folder, "mose", tmp_path / "a")
    names = sorted(str(path.relative_to(done.path)) for path in done.path.rglob("*.png"))
    assert names == [f"{v}/{t:05d}.png" for v in ("cup", "dog") for t in range(len(CLIPS[v]))]
    assert done.record == tmp_path / "a.json"
    with pytest.raises(OutputError, match="is there already"):
        submit(results, folder, "mose", tmp_path / "a")


def test_the_same_predictions_make_the_same_archive(tmp_path: Path) -> None:
    root = datasets.mose(tmp_path / "d", CLIPS, split="valid")
    results = datasets.folders(tmp_path / "r", CLIPS)
    first, again = (submit(results, root, "mose", tmp_path / name).path for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == again.read_bytes()


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 5), min_size=1), st.sets(st.integers(0, 5), min_size=1), st.sets(st.integers(0, 30)))
def test_exactly_the_listed_frames(
    tmp_path_factory: pytest.TempPathFactory, ones: set[int], twos: set[int], more: set[int]
) -> None:
    tmp_path = tmp_path_factory.mktemp("listed")
    root = datasets.youtube_vos(tmp_path / "d", {"cup": CLIPS["cup"]})
    meta = root / "valid" / "meta.json"
    content = json.loads(meta.read_text())
    for name, frames in (("1", ones), ("2", twos)):
        content["videos"]["cup"]["objects"][name]["frames"] = [f"{5 * t:05d}" for t in sorted(frames)]
    meta.write_text(json.dumps(content))
    results = datasets.folders(tmp_path / "r", {"cup": CLIPS["cup"]}, 5)
    datasets.folders(results, {"cup": [CLIPS["cup"][0]]}, first=100)
    for t in more:
        datasets.folders(results, {"cup": [CLIPS["cup"][0]]}, first=t)
    images = contents(submit(results, root, "youtube-vos", tmp_path / "a.zip").path)
    assert sorted(images) == [f"Annotations/cup/{5 * t:05d}.png" for t in sorted(ones | twos)]
    for name, labels in images.items():
        at = int(name[-9:-4]) // 5
        assert set(np.unique(labels)) <= {0, *([1] if at >= min(ones) else []), *([2] if at >= min(twos) else [])}


def test_everything_wrong_is_told_at_once(
    tmp_path: Path, run: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    root = datasets.davis(tmp_path / "d", {**CLIPS, "owl": CLIPS["dog"], "yak": CLIPS["dog"]}, split="test-dev")
    (root / "JPEGImages" / "480p" / "dog" / "00006.jpg").write_bytes(b"")
    (root / "Annotations" / "480p" / "yak" / "00000.png").write_bytes(b"")
    results = datasets.folders(tmp_path / "r", {**CLIPS, "yak": CLIPS["dog"]})
    (results / "cup" / "00002.png").rename(results / "cup" / "2.png")
    for name in ("00003", "00004"):
        Image.new("RGB", (64, 48), "red").save(results / "cup" / f"{name}.png")
    datasets.save(results / "cup" / "00005.png", np.full((48, 64), 255, np.uint8))
    datasets.save(results / "dog" / "00001.png", np.zeros((24, 32), np.uint8))
    (results / "dog" / "00003.png").write_bytes(b"")
    datasets.save(results / "dog" / "00004.png", np.full((48, 64), 9, np.uint8))
    (results / "dog" / "00005.png").write_bytes((results / "dog" / "00005.png").read_bytes()[:60])
    out = tmp_path / "a.zip"
    assert run("export", results, "--to", "davis", "--annotations", root, "--out", out) == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines[:-1] == [
        f"longtake: {problem}"
        for problem in (
            "1 video without a folder of predictions: owl",
            "cup: 1 frame without a prediction (there is a 2): 00002",
            "cup: 2 predictions that cannot be used (an image of mode RGB; masks to be scored are palette or "
            "greyscale, an id per pixel): 00003, 00004",
            "cup: 1 prediction with id 255, which the first mask lacks (1, 2 may be there): 00005",
            "dog: 1 prediction of 32x24 pixels for a frame of 64x48: 00001",
            "dog: 1 prediction of 0 bytes: 00003",
            "dog: 1 prediction with id 9, which the first mask lacks (3 may be there): 00004",
            "dog: 1 prediction that cannot be read: 00005",
            "dog: 1 frame whose image has 0 bytes: 00006",
            "yak: 1 given mask of 0 bytes: 00000",
        )
    ]
    assert lines[-1].startswith("longtake: 10 problems, so nothing was written")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".a", "a"))]


def test_metadata_and_frames_that_lack_what_is_needed(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", CLIPS)
    meta = root / "valid" / "meta.json"
    content = json.loads(meta.read_text())
    content["videos"]["dog"]["objects"] = {}
    content["videos"]["cup"]["objects"]["1"]["frames"].append("00030")
    meta.write_text(json.dumps(content))
    results = datasets.folders(tmp_path / "r", CLIPS, 5)
    datasets.folders(results, {"cup": CLIPS["cup"][:1]}, first=30)
    with pytest.raises(UnfitError) as caught:
        submit(results, root, "youtube-vos", tmp_path / "a.zip")
    assert caught.value.problems == (
        "cup: 1 frame without an image, so that the size to hand in is not known: 00030",
        "dog: the metadata lists no frames of it, so which ones to hand in is not known",
    )
    meta.unlink()
    with pytest.raises(InputError, match=r"layout mose, which --to youtube-vos does not take; its meta\.json"):
        submit(results, root, "youtube-vos", tmp_path / "a.zip")


def test_a_record_takes_no_other_files_place(tmp_path: Path) -> None:
    root = datasets.mose(tmp_path / "d", CLIPS, split="valid")
    results = datasets.folders(tmp_path / "r", CLIPS)
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(OutputError, match=r"a\.json: is there already and no record"):
        submit(results, root, "mose", tmp_path / "a.zip")
    with pytest.raises(SettingError, match="--to coco: not a format; use one of: davis, youtube-vos, lvos, mose"):
        submit(results, root, "coco", tmp_path / "b.zip")
