"""Footage as people have it: the right frames and times, or one clear line."""

import logging
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from longtake.errors import SourceError
from longtake.types import Frame
from longtake.video.sources import open_source
from longtake.video.spans import parse_span
from zoo import TICKS, cut, noisy, number, picture, stamps, turn, write_clip

CLIPS = {
    "variable rate": {"ticks": [0, 3000, 9000, 9100, 40000, 40001, 90000, 93003]},
    "variable rate in Matroska": {"ticks": [0, 33, 100, 101, 444, 1000], "time_base": Fraction(1, 1000), "end": "mkv"},
    "30000/1001": {"ticks": [1001 * i for i in range(5)], "time_base": Fraction(1, 30_000)},
    "AVI": {"ticks": range(5), "time_base": Fraction(1001, 30_000), "rate": Fraction(30_000, 1001), "end": "avi"},
    "one frame": {"ticks": [0]},
    "odd size": {
        "ticks": [0, 42],
        "time_base": Fraction(1, 1000),
        "size": (97, 131),
        "codec": "ffv1",
        "pixels": "yuv444p",
        "end": "mkv",
    },
    "10 bits": {"ticks": [0, 3750], "pixels": "yuv420p10le"},
    "1 fps": {"ticks": range(4), "time_base": Fraction(1), "rate": 1},
    "120 fps": {"ticks": range(240), "time_base": Fraction(1, 120), "rate": 120},
    "not from zero": {"ticks": [90_000 + 3750 * i for i in range(4)]},
    "fragments": {"ticks": [3750 * i for i in range(9)], "container": {"movflags": "frag_keyframe+empty_moov"}},
    "transport stream": {"ticks": [3750 * i for i in range(9)], "end": "ts"},
    "sound beside": {"ticks": [3750 * i for i in range(9)], "sound": "aac"},
}


@pytest.mark.parametrize("kind", sorted(CLIPS))
def test_frames_and_times_are_those_of_the_file(kind: str, tmp_path: Path) -> None:
    made = dict(CLIPS[kind])
    if "codec" not in made and made.get("end") == "avi":
        made["codec"] = "mpeg4"
    path = write_clip(tmp_path / f"clip.{made.pop('end', 'mp4')}", **{"codec": "libx264"} | made)
    ticks, base = list(made["ticks"]), made.get("time_base", TICKS)
    source = open_source(path)
    frames = list(source)
    assert [number(frame.image) for frame in frames] == [i % 17 for i in range(len(ticks))]
    assert [frame.seconds for frame in frames] == stamps(path)
    if kind not in ("fragments", "transport stream", "AVI"):  # their writers shift all times alike
        assert [frame.seconds for frame in frames] == [tick * base for tick in ticks]
    assert all((frame.seconds / source.info.time_base).denominator == 1 for frame in frames)
    assert {frame.size for frame in frames} == {made.get("size", (48, 64))}
    assert [frame.name for frame in frames[:2]] == ["000000", "000001"][: len(frames)]
    assert source.sound == (path if "sound" in made else None)


def test_an_edit_list_hides_what_it_hides(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "edited.mp4",
        [3750 * (i - 5) for i in range(16)],
        container={"use_editlist": "1", "avoid_negative_ts": "disabled"},
    )
    frames = list(open_source(path))
    assert [number(frame.image) for frame in frames] == list(range(5, 16))
    assert [frame.seconds for frame in frames] == [i * 3750 * TICKS for i in range(11)]


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_rotation_is_applied_once(tmp_path: Path, clockwise: int) -> None:
    frame = next(iter(open_source(turn(write_clip(tmp_path / "turned.mp4", [0, 3750]), clockwise))))
    assert frame.size == ((64, 48) if clockwise != 180 else (48, 64))
    bright = np.argwhere(frame.image[..., 0] > 200).mean(axis=0) / frame.size
    corner = {90: (0, 1), 180: (1, 1), 270: (1, 0)}[clockwise]
    assert np.abs(bright - corner).max() < 0.2


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
def test_colours_survive_range_depth_and_matrix(
    tmp_path: Path, pixels: str, full_range: bool, matrix: Colorspace
) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :16], image[:, 16:32], image[:, 32:48] = 255, (200, 30, 30), (20, 180, 60)
    path = write_clip(
        tmp_path / "c.mp4",
        [0],
        pixels=pixels,
        full_range=full_range,
        matrix=matrix,
        images=[image],
        options={"crf": "1"},
    )
    read = next(iter(open_source(path))).image
    for column in (6, 24, 40, 58):
        assert np.abs(read[24, column].astype(int) - image[24, column]).max() <= 4


def test_a_raw_stream_without_an_index_gets_the_times_of_its_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.h264", range(6), Fraction(1, 25), rate=25, form="h264")
    assert [frame.seconds for frame in open_source(path)] == [Fraction(i, 25) for i in range(6)]


def broken(source: Path) -> tuple[list[Frame], str]:
    frames = []
    with pytest.raises(SourceError) as caught:
        for frame in open_source(source):
            frames.append(frame)
    return frames, str(caught.value)


@pytest.mark.parametrize("movflags", ["faststart", "frag_keyframe+empty_moov"])
def test_a_video_cut_in_the_middle_gives_what_decodes_and_says_where_it_broke(tmp_path: Path, movflags: str) -> None:
    path = tmp_path / "cut.mp4"
    write_clip(path, [3750 * i for i in range(40)], images=noisy(40), size=(96, 128), container={"movflags": movflags})
    whole = [frame.seconds for frame in open_source(path)]
    frames, line = broken(cut(path))
    assert 15 <= len(frames) <= 20
    assert [frame.seconds for frame in frames] == whole[: len(frames)]
    assert f"damaged after frame {len(frames) - 1:06d} at {float(frames[-1].seconds):.2f} s" in line


@pytest.mark.parametrize("sound", [None, "flac"])
def test_a_cut_that_no_decoder_notices_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sound: str | None
) -> None:
    path = write_clip(
        tmp_path / "cut.mkv",
        [42 * i for i in range(40)],
        Fraction(1, 1000),
        images=noisy(40),
        size=(96, 128),
        sound=sound,
    )
    assert len(list(open_source(path))) == 40
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING, "longtake"):
        frames = list(open_source(cut(path)))
    assert 15 <= len(frames) <= 20
    assert f"cut.mkv: ends after frame {len(frames) - 1:06d} at" in caplog.text
    assert "though it announces 1.68 s; is it cut off?" in caplog.text.replace("1.67 s", "1.68 s")


def test_a_video_cut_before_its_index_is_one_line(tmp_path: Path) -> None:
    path = cut(write_clip(tmp_path / "cut.mp4", range(0, 90_000, 3750)))
    with pytest.raises(SourceError, match=r"cut\.mp4: not a readable video"):
        open_source(path)


def test_a_video_that_changes_its_size_is_one_line(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / f"{i}.ts", [0, 3750], size=size) for i, size in enumerate([(48, 64), (32, 64)])]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, line = broken(path)
    assert len(frames) == 2
    assert "frame 000002: 64x32 pixels, but both.ts: frame 000000 is 64x48 pixels" in line


def test_a_video_without_frames_is_one_line(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "short.mp4", [0, 3750], container={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])
    frames, line = broken(path)
    assert frames == []
    assert "short.mp4: " in line


def test_a_folder_may_have_gaps_and_mixed_endings(tmp_path: Path) -> None:
    for name in ("7.png", "9.jpg", "10.webp", "30.tif", "31.bmp"):
        Image.fromarray(picture(int(name.split(".")[0]) % 17)).save(tmp_path / name)
    source = open_source(tmp_path)
    frames = list(source)
    assert [frame.name for frame in frames] == ["7", "9", "10", "30", "31"]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [number(frame.image) for frame in frames] == [7, 9, 10, 13, 14]


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bit_images_keep_their_upper_bits(tmp_path: Path, ending: str) -> None:
    values = (np.arange(48 * 64, dtype=np.uint16) * 21).reshape(48, 64)
    Image.fromarray(values).save(tmp_path / f"0.{ending}")
    image = next(iter(open_source(tmp_path))).image
    assert np.array_equal(image, np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_images_of_floating_point_numbers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "0.tif")
    with pytest.raises(SourceError, match=r"0\.tif: an image of floating-point numbers"):
        list(open_source(tmp_path))


def test_arrays_are_a_source() -> None:
    images = np.stack([picture(i) for i in range(3)])
    assert [number(frame.image) for frame in open_source(images)] == [0, 1, 2]
    assert [number(frame.image) for frame in open_source(iter(images))] == [0, 1, 2]
    assert next(iter(open_source([images[0, ..., 0]]))).image.shape == (48, 64, 3)
    with pytest.raises(SourceError, match="frame 0: an array 48x64x3 of float64"):
        list(open_source([images[0] / 255]))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, range(10)),
        ("0.1", None, range(3, 10)),
        ("#3", "#5", range(3, 6)),
        ("0:00.125", "00:00:00.25", range(3, 7)),
        ("#8", "0.35", range(8, 9)),
        (None, "#0", range(1)),
    ],
)
def test_a_span_is_taken_by_seconds_clock_and_frame(
    tmp_path: Path, start: str | None, end: str | None, expected: range
) -> None:
    """Counted from the first frame, which is at one second here."""
    path = write_clip(tmp_path / "clip.mp4", [90_000 + 3750 * i for i in range(10)])
    frames = list(open_source(path, parse_span(start, end)))
    assert [frame.index for frame in frames] == list(expected)
    assert [number(frame.image) for frame in frames] == list(expected)
    assert [frame.since_first for frame in frames] == [Fraction(i, 24) for i in expected]


def test_times_never_go_back(tmp_path: Path) -> None:
    """AVI stores the order of decoding as time, which B-frames mix up."""
    images = [np.roll(picture(3, 96, 128), 3 * i, axis=1) for i in range(24)]
    options = {"bf": "2", "b_strategy": "0"}
    path = write_clip(tmp_path / "c.avi", range(24), Fraction(1, 24), images=images, size=(96, 128), options=options)
    assert stamps(path) != sorted(stamps(path))
    seconds = [frame.seconds for frame in open_source(path)]
    assert seconds == sorted(set(seconds))
    assert len(seconds) == 24


def test_a_last_picture_that_is_held_is_no_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(tmp_path / "c.mp4", [0, 3750, 7500, 90_000 * 6])
    with caplog.at_level(logging.WARNING, "longtake"):
        assert len(list(open_source(path))) == 4
    assert caplog.messages == []


LONG = {
    "mp4": {},
    "fragmented mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "edited mp4": {"container": {"use_editlist": "1", "avoid_negative_ts": "disabled"}},
    "mkv": {"time_base": Fraction(1, 1000)},
    "ts": {},
    "avi": {"codec": "mpeg4", "time_base": Fraction(1, 24)},
    "h264": {"form": "h264", "time_base": Fraction(1, 24)},
}


@pytest.mark.parametrize("kind", sorted(LONG))
@pytest.mark.parametrize("mark", ["#0", "#1", "#100", "#137", "#199", "3", "6.04", "7.9"])
def test_seeking_to_a_span_gives_the_frames_of_reading_on(tmp_path: Path, kind: str, mark: str) -> None:
    base = LONG[kind].get("time_base", TICKS)
    first = -30 if kind == "edited mp4" else 0
    ticks = [round(i / 24 / base) for i in range(first, 200)]
    images = [picture(i % 17) for i in range(230)]
    path = tmp_path / f"clip.{kind.rsplit(maxsplit=1)[-1]}"
    write_clip(path, ticks, images=images, options={"g": "24"}, **LONG[kind])
    every, span = list(open_source(path)), parse_span(mark, None)
    expected = [f for f in every if not span.begins_after(f.index, f.seconds - every[0].seconds)]
    found = list(open_source(path, span))
    assert [(f.index, f.seconds, f.keyframe) for f in found] == [(f.index, f.seconds, f.keyframe) for f in expected]
    assert [f.since_first for f in found] == [f.seconds - every[0].seconds for f in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(found, expected, strict=True))


def test_what_comes_before_a_span_is_not_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", range(0, 200 * 3750, 3750), options={"g": "24"})
    source = open_source(path, parse_span("#150", None))
    assert 125 < next(source.entries()).index <= 150


def test_an_empty_span_is_one_line(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [0, 3750])
    with pytest.raises(SourceError, match="clip: has no frame from 5 to the end"):
        list(open_source(path, parse_span("5", None)))


@pytest.mark.skipif(sys.platform == "win32", reason="folders of cameras")
def test_a_camera_that_is_not_there_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="camera 97: cannot be opened"):
        open_source("97")
