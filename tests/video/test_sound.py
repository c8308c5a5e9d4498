"""The sound of a source goes along, and never stops the pictures."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from longtake.types import VideoInfo
from longtake.video.sinks import VideoSink
from longtake.video.sources import open_source
from zoo import picture, stamps, write_clip


def rewritten(source: Path, out: Path) -> Path:
    opened = open_source(source)
    with VideoSink(out, opened.info, opened.sound) as sink:
        for frame in opened:
            sink.add(frame.image, frame.seconds)
    return out


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return 0.0
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize(
    ("end", "codec", "rate"),
    [
        ("mp4", "aac", 44_100),
        ("avi", "libmp3lame", 44_100),
        ("avi", "libmp3lame", 48_000),
        ("mkv", "pcm_s16le", 192_000),
        ("mkv", "libopus", 48_000),
        ("mov", "pcm_s16be", 8_000),
        ("ts", "mp2", 48_000),
    ],
)
def test_sound_of_any_kind_lasts_as_long(tmp_path: Path, end: str, codec: str, rate: int) -> None:
    video = "mpeg4" if end == "avi" else "libx264"
    base = Fraction(1, 24) if end == "avi" else Fraction(1, 1000)
    ticks = range(48) if end == "avi" else [round(i * 1000 / 24) for i in range(48)]
    path = write_clip(tmp_path / f"c.{end}", ticks, base, codec=video, sound=codec, sound_rate=rate)
    out = rewritten(path, tmp_path / "out.mp4")
    assert stamps(out) == stamps(path)
    assert seconds_of_sound(out) == pytest.approx(seconds_of_sound(path), abs=0.15)
    assert seconds_of_sound(out) > 1.5


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_joined_recordings_keep_their_pictures(tmp_path: Path, codec: str) -> None:
    part = write_clip(tmp_path / "a.ts", range(0, 24 * 3750, 3750), sound=codec).read_bytes()
    (tmp_path / "both.ts").write_bytes(part + part)
    out = rewritten(tmp_path / "both.ts", tmp_path / "out.mp4")
    times = stamps(out)
    assert len(times) == 48
    assert times == sorted(set(times))


def test_damaged_sound_keeps_the_pictures(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.ts", range(0, 48 * 3750, 3750), sound="mp2")
    data = bytearray(path.read_bytes())
    packets = range(0, len(data) - 188, 188)
    sound = [p for p in packets if (data[p + 1] & 0x1F) << 8 | data[p + 2] == 0x101]
    for place in sound[len(sound) // 3 : len(sound) // 2]:
        data[place + 20 : place + 180] = np.random.default_rng(place).bytes(160)
    path.write_bytes(data)
    assert len(stamps(rewritten(path, tmp_path / "out.mp4"))) == 48


def test_sound_that_cannot_be_read_is_left_out_with_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(tmp_path / "c.mp4", range(0, 5 * 3750, 3750))
    with (
        caplog.at_level(logging.WARNING, "longtake"),
        VideoSink(tmp_path / "o.mp4", open_source(path).info, tmp_path / "none.wav") as sink,
    ):
        sink.add(picture(1), Fraction(0))
    assert len(stamps(tmp_path / "o.mp4")) == 1
    assert "none.wav: its sound is left out" in caplog.text


@pytest.mark.parametrize("begin", [Fraction(1001, 15_000), Fraction(1, 24), Fraction(1, 3), Fraction(59)])
def test_a_late_beginning_is_kept_to_the_tick(tmp_path: Path, begin: Fraction) -> None:
    info = VideoInfo("c", None, Fraction(30), Fraction(1, 90_000))
    begin = round(begin * 90_000) * Fraction(1, 90_000)
    with VideoSink(tmp_path / "o.mp4", info) as sink:
        for i in range(4):
            sink.add(picture(i), begin + Fraction(i, 30))
    assert stamps(tmp_path / "o.mp4") == [begin + Fraction(i, 30) for i in range(4)]


def test_a_broadcast_that_begins_hours_from_zero_begins_at_zero(tmp_path: Path) -> None:
    info = VideoInfo("c", None, Fraction(30), Fraction(1, 90_000))
    with VideoSink(tmp_path / "o.mp4", info) as sink:
        for i in range(4):
            sink.add(picture(i), 40_000 + Fraction(i, 30))
    assert stamps(tmp_path / "o.mp4") == [Fraction(i, 30) for i in range(4)]
