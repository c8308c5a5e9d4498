"""export, import and segment --save: from a clip to other programs' files and back."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from longtake.video.masks import read_masks
from longtake.video.palette import write_labels

Run = Callable[..., int]


def labels(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(path)) for path in sorted(folder.iterdir())]


@pytest.fixture
def results(folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run) -> Path:
    """What segment writes with everything that it can save."""
    frames, masks = folder_clip
    out = tmp_path / "out"
    save = "probabilities,overlay,matte,coco,ytvis,yolo,cvat"
    assert run("segment", frames, "--masks", masks / "0.png", "--out", out, "--model", tiny_model, "--save", save) == 0
    return out


def test_everything_that_segment_saves_is_read_again(
    results: Path, folder_clip: tuple[Path, Path], tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = labels(results / "labels")
    assert not list(results.rglob("*.partial"))
    assert [image["file_name"] for image in json.loads((results / "coco.json").read_text())["images"]] == [
        f"{i}.png" for i in range(6)
    ]
    for name in ("coco.json", "ytvis.json", "cvat.xml"):
        assert run("import", results / name, "--out", tmp_path / name) == 0
        assert f"1 video, 6 frames: {tmp_path / name / 'frames'}" in capfd.readouterr().out
        for ours, theirs in zip(labels(tmp_path / name / "frames"), expected, strict=True):
            assert np.array_equal(ours, theirs)
    assert run("import", results / "yolo", "--out", tmp_path / "y") == 1
    assert "add --frames" in capfd.readouterr().err
    assert run("import", results / "yolo", "--out", tmp_path / "y", "--frames", folder_clip[0]) == 0
    same = [np.mean(a == b) for a, b in zip(labels(tmp_path / "y" / "frames"), expected, strict=True)]
    assert min(same) > 0.98
    with av.open(str(results / "matte.mov")) as container:
        images = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
    for index, image in enumerate(images):
        soft = 1 - np.load(results / "probabilities" / f"{index}.npy")[0]
        assert np.abs(image[..., 3] - 255 * soft).max() < 2
    # again, into the same folder
    masks = tmp_path / "coco.json" / "frames"
    assert run("segment", folder_clip[0], "--masks", masks, "--out", results, "--save", "yolo,coco") == 0


def test_results_become_every_format_later_too(results: Path, tmp_path: Path, run: Run) -> None:
    for kind, name in (("coco", "coco.json"), ("ytvis", "ytvis.json"), ("cvat", "cvat.xml")):
        assert run("export", results, "--to", kind, "--out", tmp_path / name) == 0
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes()
    assert run("export", results, "--to", "matte", "--out", tmp_path / "m.mov") == 0
    assert run("export", results, "--to", "overlay", "--out", tmp_path / "o.mp4") == 0
    for ours, theirs in ((tmp_path / "m.mov", "matte.mov"), (tmp_path / "o.mp4", "overlay.mp4")):
        with av.open(str(ours)) as one, av.open(str(results / theirs)) as other:
            for a, b in zip(one.decode(video=0), other.decode(video=0), strict=True):
                apart = np.abs(a.to_ndarray(format="rgba").astype(int) - b.to_ndarray(format="rgba"))
                assert a.pts == b.pts
                assert apart.mean() < (1 if theirs == "overlay.mp4" else 1e-9)  # H.264 is not coded twice alike
    assert run("export", results, "--to", "matte", "--object", 2, "--out", tmp_path / "png") == 0
    assert len(list((tmp_path / "png").glob("*.png"))) == 6
    assert run("export", tmp_path / "coco.json", "--to", "ytvis", "--out", tmp_path / "again.json") == 0
    assert (tmp_path / "again.json").read_bytes() == (results / "ytvis.json").read_bytes()


def test_one_object_in_any_format(folder_clip: tuple[Path, Path], tmp_path: Path, run: Run) -> None:
    frames, masks = folder_clip
    alone = tmp_path / "alone" / masks.name
    alone.mkdir(parents=True)
    for path in masks.iterdir():
        write_labels(alone / path.name, np.where(read_masks(path).labels == 2, 2, 0).astype(np.uint16))
    for kind, ending in (("coco", ".json"), ("ytvis", ".json"), ("cvat", ".xml"), ("overlay", ".mp4")):
        words = ("--to", kind, "--frames", frames)
        one, other = tmp_path / f"{kind}{ending}", tmp_path / f"{kind}-alone{ending}"
        assert run("export", masks, *words, "--object", 2, "--out", one) == 0
        assert run("export", alone, *words, "--out", other) == 0
        if kind != "overlay":
            assert one.read_text() == other.read_text()
    with av.open(str(one)) as ours, av.open(str(other)) as theirs:
        for a, b in zip(ours.decode(video=0), theirs.decode(video=0), strict=True):
            assert np.abs(a.to_ndarray(format="rgb24").astype(int) - b.to_ndarray(format="rgb24")).mean() < 1


def test_a_part_of_a_video_keeps_its_frames(
    tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    from longtake import demo

    clip, mask = (Path(demo.__path__[0]) / name for name in ("clip.mp4", "masks/000010.png"))
    out, words = tmp_path / "out", ("--start", "#10", "--end", "#13", "--size", "64", "--model", tiny_model)
    assert run("segment", clip, "--masks", mask, "--out", out, "--save", "cvat,overlay", *words) == 0
    assert run("export", out, "--to", "overlay", "--out", tmp_path / "o.mp4") == 0
    with av.open(str(tmp_path / "o.mp4")) as one, av.open(str(out / "overlay.mp4")) as other:
        times = [[frame.pts for frame in each.decode(video=0)] for each in (one, other)]
    assert len(times[0]) == 4 and times[0] == times[1]
    assert '<mask frame="13" keyframe="1" outside="0"' in (out / "cvat.xml").read_text()
    assert run("export", out, "--to", "coco", "--out", tmp_path / "c.json") == 0
    assert f"ffmpeg -i {clip} -fps_mode passthrough -start_number 0 -q:v 2 %06d.jpg" in capsys.readouterr().out


def test_a_folder_of_folders(folder_clip: tuple[Path, Path], tmp_path: Path, run: Run) -> None:
    for name in ("cup", "dog"):
        (tmp_path / "set" / "Annotations" / name).mkdir(parents=True)
        for path in folder_clip[1].iterdir():
            (tmp_path / "set" / "Annotations" / name / path.name).write_bytes(path.read_bytes())
    assert run("export", tmp_path / "set", "--to", "ytvis", "--out", tmp_path / "y.json") == 0
    assert run("import", tmp_path / "y.json", "--out", tmp_path / "in") == 0
    for name in ("cup", "dog"):
        for ours, theirs in zip(labels(tmp_path / "in" / name), labels(folder_clip[1]), strict=True):
            assert np.array_equal(ours, theirs)
    words = ("--protocol", "davis2017", "--annotations", tmp_path / "in", "--predictions", tmp_path / "in")
    assert run("evaluate", *words) == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("export", "masks", "--to", "pascal", "--out", "o"),
            "--to pascal: not a format; use one of: coco, ytvis, yolo",
        ),
        (("export", "masks", "--to", "davis", "--out", "o"), "--to davis: add --annotations"),
        (("export", "masks", "--to", "coco", "--out", "o", "--object", "7"), "no mask has object 7; there are: 1, 2"),
        (("export", "masks", "--to", "coco", "--out", "o", "--split", "val"), "--split val: says nothing"),
        (
            ("export", "masks", "--to", "matte", "--out", "o.mov"),
            "masks: nothing tells where the video is; add --source",
        ),
        (("export", "masks", "--to", "matte", "--out", "o.mov", "--source", "0"), "0: no such file or folder"),
        (("export", "none", "--to", "coco", "--out", "o"), "none: no such file or folder"),
        (("export", "empty", "--to", "coco", "--out", "o"), "empty: no masks in it"),
        (("export", "masks", "--to", "yolo", "--out", "frames"), "frames: is there already"),
        (("export", "masks", "--to", "coco", "--out", "frames"), "frames: a folder; give a file"),
        (("import", "masks", "--out", "frames"), "frames: is there already"),
        (("import", "masks", "--out", "o", "--from", "pascal"), "--from pascal: use one of: coco"),
        (("import", "masks", "--out", "o", "--from", "coco"), "masks: a folder; --from coco takes a file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: tuple[str, ...],
    line: str,
    folder_clip: tuple[Path, Path],
    tmp_path: Path,
    run: Run,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert run(*words) == 1
    error = capfd.readouterr().err
    assert error.startswith("longtake: ") and error.count("\n") == 1 and line in error
    assert not Path("o").exists() and not Path("o.mov").exists()


def test_without_pycocotools_one_line_comes_before_any_work(
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    run: Run,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pycocotools", None)
    frames, masks = folder_clip
    words = ("--masks", masks / "0.png", "--out", tmp_path / "out", "--model", tiny_model)
    assert run("segment", frames, *words, "--save", "coco") == 1
    assert "pip install 'longtake[coco]'" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
    for kind in ("cvat", "yolo"):
        assert run("export", masks, "--to", kind, "--out", tmp_path / kind) == 0
    assert run("import", tmp_path / "cvat", "--from", "cvat", "--out", tmp_path / "masks2") == 0
