"""`segment` on footage as people have it: exact times, sound, spans, and what is kept when something breaks."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from longtake.video.masks import read_masks
from longtake.video.palette import write_labels
from zoo import cut, noisy, picture, stamps, turn, write_clip

Run = Callable[..., int]

VARIABLE = [0, 3003, 9009, 9100, 40_000, 40_001, 90_000, 93_003]


def mask(path: Path, size: tuple[int, int] = (48, 64), name: int = 1) -> Path:
    labels = np.zeros(size, np.uint16)
    labels[: size[0] // 4, : size[1] // 4] = name
    write_labels(path, labels)
    return path


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sound_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize(
    ("end", "ticks", "base", "codec", "sound"),
    [
        ("mp4", VARIABLE, Fraction(1, 90_000), "libx264", None),
        ("mp4", [90_000 + t for t in VARIABLE], Fraction(1, 90_000), "libx264", "aac"),
        ("mkv", [7, 40, 41, 500, 1777], Fraction(1, 1000), "libx264", "flac"),
        ("mov", VARIABLE, Fraction(1, 90_000), "libx264", "pcm_s16le"),
        ("avi", range(6), Fraction(1001, 30_000), "mpeg4", None),
    ],
)
def test_an_overlay_has_the_times_of_its_source_to_the_tick_and_its_sound(
    end: str,
    ticks: list[int],
    base: Fraction,
    codec: str,
    sound: str | None,
    tiny_model: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    rate = 1 / base if codec == "mpeg4" else 24
    path = write_clip(tmp_path / f"clip.{end}", ticks, base, codec=codec, rate=rate, sound=sound)
    out = tmp_path / "out"
    assert run("segment", path, "--masks", mask(tmp_path / "m.png"), "--out", out, "--model", tiny_model) == 0
    assert stamps(out / "overlay.mp4") == stamps(path)
    table = rows(out)
    assert [int(row["ticks"]) * Fraction(row["time_base"]) for row in table] == stamps(path)
    assert [row["name"] for row in table] == sorted(p.stem for p in (out / "labels").iterdir())
    if sound is not None:
        expected = sound_seconds(path)
        assert sound_seconds(out / "overlay.mp4") == pytest.approx(expected, abs=0.1)


def test_a_table_holds_confidence_and_presence_of_every_object(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    frames, masks = folder_clip
    for index in range(5):
        ids = read_masks(masks / f"{index}.png").labels
        write_labels(masks / f"{index}.png", np.where(ids == 1, ids, 0).astype(np.uint16))
    out = tmp_path / "out"
    assert run("segment", frames, "--masks", masks, "--out", out, "--model", tiny_model) == 0
    table = rows(out)
    assert [row["index"] for row in table] == [str(i) for i in range(6)]
    assert [row["presence_2"] == "" for row in table] == [True] * 5 + [False]
    for row in table:
        labels = read_masks(out / "labels" / f"{row['name']}.png").labels
        assert float(row["area_1"]) == pytest.approx((labels == 1).mean(), abs=1e-6)
        assert row["presence_1"] in ("visible", "returned") if labels.any() else ("hidden", "gone")
    assert float(table[5]["confidence_2"]) == 1.0
    assert not list(out.rglob(".*"))


def test_a_record_tells_what_ran(tiny_model: Path, tmp_path: Path, run: Run) -> None:
    clip = write_clip(tmp_path / "clip.mp4", range(0, 15_000, 3750))
    Image.fromarray(np.where(picture(0) == 255, (250, 0, 0), 0).astype(np.uint8)).save(tmp_path / "red.png")
    out = tmp_path / "out"
    words = ("--masks", tmp_path / "red.png", "--out", out, "--model", tiny_model, "--memory", "every:3:4")
    assert run("segment", clip, *words, "--precision", "float32") == 0
    record = json.loads((out / "run.json").read_text())
    assert record["source"]["address"] == str(clip)
    assert record["model"]["preset"] == "stm-mobilenet-v2"
    assert record["model"]["licence"] == "not stated"
    assert record["memory"] == "Every(interval=3, maximum=4)"
    assert (record["frames"], record["objects"], record["stopped"]) == (4, [1], None)
    assert (record["colours"], record["precision"]) == ({"#fa0000": 1}, "float32")


def test_colours_are_reported(tiny_model: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [0, 3750])
    Image.fromarray(np.where(picture(0) == 255, (250, 0, 0), 0).astype(np.uint8)).save(tmp_path / "red.png")
    assert run("segment", clip, "--masks", tmp_path / "red.png", "--out", tmp_path / "o", "--model", tiny_model) == 0
    assert capfd.readouterr().err == f"longtake: {tmp_path / 'red.png'}: colours taken for objects: #fa0000 is 1\n"


def test_a_span_is_segmented_alone_and_its_overlay_begins_at_zero(tiny_model: Path, tmp_path: Path, run: Run) -> None:
    clip = write_clip(tmp_path / "clip.mp4", range(0, 75_000, 3750), sound="aac")
    out = tmp_path / "out"
    words = ("--masks", mask(tmp_path / "m.png"), "--out", out, "--model", tiny_model)
    assert run("segment", clip, *words, "--start", "#5", "--end", "0.5") == 0
    assert sorted(p.stem for p in (out / "labels").iterdir()) == [f"{i:06d}" for i in range(5, 13)]
    assert [row["index"] for row in rows(out)] == [str(i) for i in range(5, 13)]
    assert [Fraction(row["ticks"]) * Fraction(row["time_base"]) for row in rows(out)] == stamps(clip)[5:13]
    assert stamps(out / "overlay.mp4") == [s - stamps(clip)[5] for s in stamps(clip)[5:13]]
    assert sound_seconds(out / "overlay.mp4") == pytest.approx(8 / 24, abs=0.1)


def test_masks_by_frame_number_outside_a_span_are_no_error(tiny_model: Path, tmp_path: Path, run: Run) -> None:
    clip = write_clip(tmp_path / "clip.mp4", range(0, 37_500, 3750))
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("1", "4", "000008"):
        mask(masks / f"{name}.png", name=int(name))
    words = ("--masks", masks, "--out", tmp_path / "o", "--model", tiny_model)
    assert run("segment", clip, *words, "--start", "#3", "--end", "#6") == 0
    assert read_masks(tmp_path / "o/labels/000004.png").ids == (4,)


def test_a_run_that_never_begins_leaves_the_table_of_an_earlier_one(tiny_model: Path, tmp_path: Path, run: Run) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [0, 3750])
    words = ("--out", tmp_path / "o", "--model", tiny_model)
    assert run("segment", clip, "--masks", mask(tmp_path / "m.png"), *words) == 0
    assert run("segment", clip, "--masks", mask(tmp_path / "wrong.png", (48, 48)), *words) == 1
    assert len(rows(tmp_path / "o")) == 2
    assert not list((tmp_path / "o").rglob(".*"))


def test_any_file_name_can_be_a_frames(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    frames, masks = folder_clip
    for index, path in enumerate(sorted(frames.iterdir())):
        path.rename(frames / f"{index}-\udce9 日.png")
    assert run("segment", frames, "--masks", masks / "0.png", "--out", tmp_path / "o", "--model", tiny_model) == 0
    assert len((tmp_path / "o/frames.csv").read_bytes().splitlines()) == 7


def line_of(run: Run, capfd: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line on stderr of a run that must fail."""
    capfd.readouterr()
    assert run(*words) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_video_cut_in_the_middle_keeps_what_decodes(
    tiny_model: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    ticks = range(0, 150_000, 3750)
    clip = write_clip(
        tmp_path / "c.mp4", ticks, images=noisy(40), size=(96, 128), container={"movflags": "faststart"}, sound="aac"
    )
    cut(clip)
    out = tmp_path / "out"
    words = ("--masks", mask(tmp_path / "m.png", (96, 128)), "--out", out, "--model", tiny_model)
    line = line_of(run, capfd, "segment", clip, *words)
    count = len(list((out / "labels").iterdir()))
    assert f"c.mp4: damaged after frame {count - 1:06d} at" in line
    assert count >= 10
    assert len(stamps(out / "overlay.mp4")) == len(rows(out)) == count
    record = json.loads((out / "run.json").read_text())
    assert record["frames"] == count
    assert "damaged after" in record["stopped"]
    assert not list(out.rglob(".*"))


def test_bad_footage_and_bad_masks_are_one_line(
    tiny_model: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [0, 3750, 7500])
    turned = turn(write_clip(tmp_path / "turned.mp4", [0, 3750]), 90)
    good, masks = mask(tmp_path / "m.png"), tmp_path / "masks"
    masks.mkdir()
    mask(masks / "0.png")
    mask(masks / "99.png")
    parts = [write_clip(tmp_path / f"{i}.ts", [0, 3750], size=size) for i, size in enumerate([(48, 64), (32, 64)])]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    Image.fromarray(np.full((48, 64), 70_000, np.int32)).save(tmp_path / "large.tif")
    cases = {
        "another aspect": (clip, mask(tmp_path / "square.png", (48, 48)), (), "its aspect is another"),
        "turned": (turned, good, (), "seems to be turned"),
        "mask of no frame": (clip, masks, (), "1 masks fit no frame of the video (first: 99)"),
        "too large an id": (clip, tmp_path / "large.tif", (), "object id 70000"),
        "size changes": (tmp_path / "both.ts", good, (), "frame 000002: 64x32 pixels"),
        "no frame in the span": (clip, good, ("--start", "00:05"), "has no frame from 00:05"),
        "start after end": (clip, good, ("--start", "2", "--end", "1"), "--start 2 comes after --end 1"),
        "unreadable time": (clip, good, ("--end", "1:70"), "--end 1:70: write it as"),
        "a password": ("rtsp://me:secret@127.0.0.1:9/x", good, (), "rtsp://127.0.0.1:9/x: not a readable"),
        "no camera": ("97", good, (), "camera 97: cannot be opened"),
        "no such stream": ("http://127.0.0.1:9/x", good, (), "http://127.0.0.1:9/x"),
    }
    wrong = {}
    for case, (source, masks_, more, expected) in cases.items():
        words = ("segment", source, "--masks", masks_, "--out", tmp_path / "out", "--model", tiny_model, *more)
        line = line_of(run, capfd, *words)
        if expected not in line:
            wrong[case] = line
    assert wrong == {}


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
from longtake.cli.main import main
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size")
def test_a_full_disk_leaves_whole_files_alone(tiny_model: Path, tmp_path: Path) -> None:
    """Files may not grow beyond 30 kB here: labels fit, the overlay of noise does not."""
    clip = write_clip(tmp_path / "c.mp4", range(0, 150_000, 3750), images=noisy(40), size=(96, 128))
    given = mask(tmp_path / "m.png", (96, 128))
    out = tmp_path / "out"
    words = ["segment", str(clip), "--masks", str(given), "--out", str(out), "--model", str(tiny_model)]
    done = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"longtake: {out / 'overlay.mp4'}: cannot be written (File too large); is the disk full?"
    ]
    for path in (out / "labels").iterdir():
        assert read_masks(path).labels.shape == (96, 128)
    assert sorted(p.name for p in out.iterdir()) == ["frames.csv", "labels", "run.json"]
    assert len(rows(out)) >= 1
    assert "overlay.mp4" in json.loads((out / "run.json").read_text())["stopped"]
