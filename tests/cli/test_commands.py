import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtake.cli.main import expand_lists
from longtake.systems.zoo import ZOO

Run = Callable[..., int]


def test_help_and_import_load_no_torch() -> None:
    code = "import sys, longtake, longtake.cli.main; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "longtake", "--help"], capture_output=True, text=True, check=True
    )
    assert "segment" in shown.stdout
    assert " torch" not in shown.stderr


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "segment",
        "annotate",
        "batch",
        "evaluate",
        "benchmark",
        "compare",
        "study",
        "synth",
        "export",
        "import",
        "relabel",
        "train",
        "doctor",
        "models",
    ]
    + [f"models {word}" for word in ("list", "show", "convert", "export")],
)
def test_every_command_teaches_by_example(command: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), "--help") == 0
    assert command == "models" or f"longtake {command}" in capsys.readouterr().out


def test_segment_writes_every_frame(folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run) -> None:
    frames, masks = folder_clip
    out = tmp_path / "out"
    words = ("--masks", masks / "0.png", "--out", out, "--model", tiny_model, "--save", "probabilities,overlay")
    assert run("segment", frames, *words) == 0
    assert sorted(p.name for p in (out / "labels").iterdir()) == [f"{i}.png" for i in range(6)]
    assert (out / "overlay.mp4").stat().st_size > 0
    probabilities = np.load(out / "probabilities" / "3.npy")
    assert probabilities.shape == (3, 64, 96)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    first = np.array(Image.open(out / "labels" / "0.png"))
    assert np.array_equal(first, np.array(Image.open(masks / "0.png")))
    assert not list(out.rglob("*.partial"))


def test_onnxruntime_gives_the_same_masks_and_exports_once(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    frames, masks = folder_clip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)  # a graph is traced with symbols for numbers
    words = ("segment", frames, "--masks", masks / "0.png", "--model", tiny_model, "--save", "probabilities")
    whole = ("--set", "model.margin=null")  # as graphs are: of fixed shapes, so without regions around objects
    assert run(*words, "--out", tmp_path / "torch", "--precision", "float32", *whole) == 0
    for name in ("onnx", "again"):
        assert run(*words, "--out", tmp_path / name, "--backend", "onnx") == 0
        for path in (tmp_path / "torch" / "probabilities").iterdir():
            np.testing.assert_allclose(np.load(tmp_path / name / "probabilities" / path.name), np.load(path), atol=1e-3)
    (folder,) = (tmp_path / "cache/longtake/onnx").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "recall.onnx", "remember.onnx", "see.onnx"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--backend", "tensorflow"), "--backend tensorflow: use torch or onnx"),
        (("--backend", "onnx", "--compile"), "leave one of them out"),
        (("--memory", "budget:1KB"), "cannot hold one frame"),
    ],
)
def test_means_that_there_are_not_are_refused(
    words: tuple[str, ...],
    line: str,
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames, masks = folder_clip
    given = ("segment", frames, "--masks", masks / "0.png", "--model", tiny_model, "--out", tmp_path / "o", *words)
    assert run(*given) == 1
    assert line in " ".join(capsys.readouterr().err.split())


def test_models_export_names_what_is_wrong_with_a_size(
    tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, line in ((("--size", "480"), "height x width"), (("--frames", "0"), "at least 1")):
        assert run("models", "export", tiny_model, "--out", tmp_path / "graphs", *words) == 1
        assert line in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("*graphs*"))


def test_a_folder_of_masks_corrects_every_frame(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    frames, masks = folder_clip
    assert run("segment", frames, "--masks", masks, "--out", tmp_path / "o", "--model", tiny_model) == 0
    for path in masks.iterdir():
        given, written = np.array(Image.open(path)), np.array(Image.open(tmp_path / "o" / "labels" / path.name))
        for name in set(np.unique(given)) - {0}:  # an object that a mask leaves out goes on being followed
            assert np.array_equal(written == name, given == name)


def test_explain_draws_what_was_looked_at(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    frames, masks = folder_clip
    out, plain = tmp_path / "out", tmp_path / "plain"
    words = ("segment", frames, "--masks", masks / "0.png", "--model", tiny_model, "--save", "probabilities")
    assert run(*words, "--out", out, "--explain", "#3", "--explain", "#5") == 0
    assert run(*words, "--out", plain) == 0
    assert sorted(path.name for path in (out / "explain").iterdir()) == ["3", "5"]
    for name in (1, 2):
        sheet = np.array(Image.open(out / "explain" / "3" / f"object-{name}.png"))
        assert sheet.shape == (12 + 22 + 12 + 213 + 22 + 12, 12 + 3 * (320 + 12), 3)  # the frame, and two remembered
        labels = np.load(out / "probabilities" / "3.npy").argmax(0)
        assert (sheet == (255, 0, 0)).all(axis=2).any() == (labels == name).any()
    for path in (out / "probabilities").iterdir():
        assert np.array_equal(np.load(path), np.load(plain / "probabilities" / path.name))
    assert not list(out.rglob("*.partial"))


@pytest.mark.parametrize(
    ("times", "masks", "line", "labels"),
    [
        (["#900"], "0.png", "--explain #900: not reached, the last frame was 5", 6),
        (["#2", "1:00:00"], "0.png", "--explain 1:00:00: not reached", 6),
        (["#0"], "0.png", "--explain #0: at frame 0 nothing is followed yet; name a frame after", 0),
        (["#3"], ".", "--explain #3: at frame 3 nothing is followed yet", 3),
        (["soon"], "0.png", "--explain soon: write it as seconds", 0),
    ],
)
def test_a_frame_that_cannot_be_explained_is_named_and_the_rest_is_kept(
    times: list[str],
    masks: str,
    line: str,
    labels: int,
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    run: Run,
    capfd: pytest.CaptureFixture[str],
) -> None:
    frames, given = folder_clip
    for early in range(4) if masks == "." else ():
        (given / f"{early}.png").unlink()
    words = [word for time in times for word in ("--explain", time)]
    out = tmp_path / "out"
    assert run("segment", frames, "--masks", given / masks, "--out", out, "--model", tiny_model, *words) == 1
    (said,) = capfd.readouterr().err.splitlines()
    assert line in said
    assert len(list(out.glob("labels/*.png"))) == labels
    assert len(list(out.glob("explain/*/object-*.png"))) == 2 * (len(times) - 1)


def test_models_show_and_list(tiny_model: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "show", tiny_model) == 0
    assert "preset: stm-mobilenet-v2" in capsys.readouterr().out
    assert run("models", "list") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ZOO)


def bad_inputs(frames: Path, masks: Path, model: Path, tmp: Path) -> dict[str, tuple[list[object], str]]:
    """Case -> command line and what its one line must say."""
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(tmp / "empty.png")
    Image.fromarray(np.ones((10, 10), np.uint8)).save(tmp / "small.png")
    (tmp / "cut.safetensors").write_bytes(model.read_bytes()[:5000])
    (tmp / "foreign.safetensors").write_bytes(b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":1}         ')
    (tmp / "text.mp4").write_text("no video")
    mixed = tmp / "mixed"
    mixed.mkdir()
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(mixed / "0.png")
    Image.fromarray(np.zeros((32, 96, 3), np.uint8)).save(mixed / "1.png")
    (tmp / "blocked").touch()
    mask, out = masks / "0.png", tmp / "out"

    def segment(
        source: object = frames, given: object = mask, where: object = out, name: object = model
    ) -> list[object]:
        return ["segment", source, "--masks", given, "--out", where, "--model", name]

    return {
        "no mask pixels": (segment(given=tmp / "empty.png"), "no mask pixels"),
        "mask of another size": (segment(given=tmp / "small.png"), "10x10 pixels, but frame 0 is 96x64"),
        "missing mask": (segment(given=tmp / "none.png"), "none.png: no such file"),
        "not a video": (segment(source=tmp / "text.mp4"), "text.mp4: not a readable video"),
        "missing video": (segment(source=tmp / "none.mp4"), "none.mp4: no such file"),
        "mixed sizes": (segment(source=mixed, where=tmp / "begun"), "1.png: 96x32 pixels, but 0.png is 96x64"),
        "unknown model": (segment(name="stm-resnet51"), "no such model"),
        "preset without weights": (segment(name="stm-resnet50"), "add --weights"),
        "truncated checkpoint": (segment(name=tmp / "cut.safetensors"), "cut.safetensors"),
        "foreign checkpoint": (segment(name=tmp / "foreign.safetensors"), "foreign.safetensors"),
        "output not writable": (segment(where=tmp / "blocked" / "x"), "cannot be written"),
        "unknown policy": ([*segment(), "--memory", "some"], "newest:N"),
        "unknown setting": ([*segment(), "--set", "model.colour=3"], "has no colour"),
        "setting of wrong type": ([*segment(), "--set", "model.key=[1]"], "key"),
        "unknown result": ([*segment(), "--save", "hologram"], "hologram"),
        "unknown size": ([*segment(), "--size", "huge"], "--size huge"),
        "unknown device": ([*segment(), "--device", "abacus"], "--device abacus"),
        "unknown recipe": (["train", "nothing", "--data", tmp, "--out", tmp / "run"], "no recipe nothing"),
        "no data": (["train", "stm-mobilenet-v2", "--data", tmp / "nowhere", "--out", tmp / "run"], "nowhere"),
        "misspelt key": (
            ["train", "stm-mobilenet-v2", "--data", tmp, "--out", tmp / "run", "--set", "sede=1"],
            "sede",
        ),
        "nothing to resume": (["train", "--resume", tmp / "run"], "holds no run"),
        "unknown weights": (["models", "convert", "stm-unofficial", model, "--out", out], "stm-unofficial"),
        "pickle that is none": (["models", "convert", "stm-official", tmp / "text.mp4", "--out", out], "weights-only"),
    }


def test_bad_input_gives_one_line_and_status_1(
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    run: Run,
    capfd: pytest.CaptureFixture[str],
) -> None:
    wrong = []
    for case, (words, expected) in bad_inputs(*folder_clip, tiny_model, tmp_path).items():
        capfd.readouterr()
        status = run(*words)
        lines = capfd.readouterr().err.splitlines()
        if status != 1 or len(lines) != 1 or expected not in lines[0]:
            wrong.append((case, status, lines))
    assert wrong == []
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_paths_is_told_before_torch_is_loaded(
    folder_clip: tuple[Path, Path], tmp_path: Path
) -> None:
    frames, masks = folder_clip
    Image.fromarray(np.ones((10, 10), np.uint8)).save(tmp_path / "small.png")
    first = str(masks / "0.png")
    calls = {
        "no such file": [str(tmp_path / "none.mp4"), "--masks", first],
        "10x10 pixels": [str(frames), "--masks", str(tmp_path / "small.png")],
        "none.safetensors: no such": [str(frames), "--masks", first, "--weights", str(tmp_path / "none.safetensors")],
    }
    code = (
        "import sys, longtake.cli.main as cli\n"
        f"for line, words in {calls!r}.items():\n"
        "    sys.argv = ['longtake', 'segment', *words, '--out', 'out']\n"
        "    try:\n        cli.main()\n    except SystemExit as stop:\n        assert stop.code == 1, line\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    for line, said in zip(calls, done.stderr.splitlines(), strict=True):
        assert line in said
    assert not (tmp_path / "out").exists()


def test_what_was_written_before_an_error_stays_whole(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    frames, masks = folder_clip
    (frames / "4.png").write_bytes((frames / "4.png").read_bytes()[:200])
    out = tmp_path / "out"
    assert run("segment", frames, "--masks", masks / "0.png", "--out", out, "--model", tiny_model) == 1
    for index in range(4):
        Image.open(out / "labels" / f"{index}.png").load()
    from longtake.video.sources import open_source

    assert len(list(open_source(out / "overlay.mp4"))) == 4
    assert not list(out.rglob("*.partial"))


def test_wrong_usage_is_status_2(run: Run) -> None:
    assert run("segment") == 2
    assert run("fly") == 2


def test_an_interrupt_is_status_130_and_keeps_what_was_done(
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from longtake.export import segment as module

    frames, masks = folder_clip
    real = module.blend

    def interrupted(image: np.ndarray, labels: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
        if (tmp_path / "out/labels/2.png").exists():
            raise KeyboardInterrupt
        return real(image, labels, ids)

    monkeypatch.setattr(module, "blend", interrupted)
    words = ("--masks", masks / "0.png", "--out", tmp_path / "out", "--model", tiny_model)
    assert run("segment", frames, *words) == 130
    assert capfd.readouterr().err == "longtake: interrupted; what was finished is kept\n"
    assert len(list((tmp_path / "out/labels").iterdir())) == 3
    assert (tmp_path / "out/overlay.mp4").exists()


def test_lists_of_data() -> None:
    assert expand_lists(["train", "r", "--data", "a", "b", "--out", "x"]) == [
        "train",
        "r",
        "--data",
        "a",
        "--data",
        "b",
        "--out",
        "x",
    ]
    assert expand_lists(["train", "r", "--data", "a", "--data", "b"]) == ["train", "r", "--data", "a", "--data", "b"]


def test_masks_of_an_earlier_run_are_told(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, masks = folder_clip
    words = ("--masks", masks / "0.png", "--out", tmp_path / "out", "--model", tiny_model, "--save", "labels")
    assert run("segment", frames, *words) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert run("segment", frames, *words, "--end", "#2") == 0
    assert "labels: 3 masks of an earlier run, of frames that this one did not have" in capsys.readouterr().err


def test_masks_that_were_changed_by_hand_are_not_overwritten(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, masks = folder_clip
    words = ["segment", frames, "--masks", masks, "--model", tiny_model, "--out", tmp_path / "out", "--end", "#2"]
    assert run(*words) == run(*words) == 0
    changed = sorted((tmp_path / "out/labels").glob("*.png"))[1]
    later = (tmp_path / "out/run.json").stat().st_mtime + 60
    os.utime(changed, (later, later))
    content = changed.read_bytes()
    assert run(*words) == 1
    assert f"{changed.name} changed since the run" in capsys.readouterr().err
    assert changed.read_bytes() == content
    changed.unlink()
    assert run(*words) == 0


def test_masks_of_a_killed_run_are_nobodys_changes(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, masks = folder_clip
    words = ["segment", frames, "--masks", masks, "--model", tiny_model, "--out", tmp_path / "out", "--end", "#2"]
    assert run(*words) == 0
    with monkeypatch.context() as patch:  # a second run writes masks, and nothing when it ends
        patch.setattr("longtake.export.record.RunRecord.__exit__", lambda *_: None)
        assert run(*words) == 0
    for path in (tmp_path / "out/labels").glob("*.png"):
        os.utime(path, (2**31, 2**31))
    assert run(*words) == 0
