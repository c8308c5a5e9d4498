"""Frames by index: those of reading on, in any order, whatever becomes of the file."""

import os
import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.errors import SettingError, SourceError
from longtake.types import Frame
from longtake.video.reader import FrameReader
from longtake.video.source import Source
from longtake.video.sources import open_source
from longtake.video.stretch import stretch
from zoo import cut, noisy, number, picture, turn, write_clip

COUNT = 72
MILLI, RATE = Fraction(1, 1000), Fraction(1, 24)
TICKS, MILLIS = [3750 * i for i in range(COUNT)], [round(1000 * i / 24) for i in range(COUNT)]
SECTOR = 188
"""Bytes of a packet of a transport stream."""


def scene() -> list[np.ndarray]:
    """Something that moves, with a bar that tells the frames apart."""
    images = [np.roll(picture(3, 64, 96), (3 * i, 5 * i), (0, 1)) for i in range(COUNT)]
    for index, image in enumerate(images):
        image[:4, :index] = 200
    return images


def without(path: Path, start: float, end: float) -> Path:
    """A transport stream that lacks a part."""
    data = path.read_bytes()
    first, last = (int(len(data) * share) // SECTOR * SECTOR for share in (start, end))
    path.write_bytes(data[:first] + data[last:])
    return path


def twice(path: Path) -> Path:
    path.write_bytes(2 * path.read_bytes())
    return path


OPEN = {"g": "12", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}
EDITED = {"use_editlist": "1", "avoid_negative_ts": "disabled"}
MP4, MKV = {"ticks": TICKS}, {"ticks": MILLIS, "time_base": MILLI}
RAW = {"ticks": range(COUNT), "time_base": RATE}
WEBM = {"g": "24", "auto-alt-ref": "1", "lag-in-frames": "16"}

KINDS: dict[str, dict] = {
    "mp4": MP4,
    "variable rate": {"ticks": [3750 * i + 700 * (i % 3) for i in range(COUNT)]},
    "open groups.mp4": MP4 | {"options": OPEN},
    "open groups.mkv": MKV | {"options": OPEN},
    "refreshed little by little.mkv": MKV | {"options": {"g": "12", "intra-refresh": "1"}},
    "edited": {"ticks": [tick - 17 * 3750 for tick in TICKS], "container": EDITED},
    "not from zero": {"ticks": [tick + 90_000 for tick in TICKS]},
    "fragments": MP4 | {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "turned": MP4 | {"after": lambda path: turn(path, 90)},
    "HEVC": MP4 | {"codec": "libx265", "options": {"g": "12", "x265-params": "log-level=none"}},
    "stream.ts": MP4,
    "mkv.mkv": MKV,
    "VP8.webm": MKV | {"codec": "libvpx", "options": WEBM},
    "VP9.webm": MKV | {"codec": "libvpx-vp9", "options": WEBM | {"cpu-used": "8"}},
    "MPEG-4.avi": RAW | {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "H.264.avi": RAW | {"options": {"g": "12", "bf": "2", "b_strategy": "0"}},
    "JPEG.avi": RAW | {"codec": "mjpeg", "pixels": "yuvj420p", "options": {}},
    "raw.h264": RAW | {"form": "h264"},
    "tuned in late.ts": MP4 | {"options": OPEN, "after": lambda path: without(path, 0, 0.3)},
    "with a gap.ts": MP4 | {"after": lambda path: without(path, 0.5, 0.6)},
    "twice.ts": MP4 | {"after": twice},
    "cut.mp4": MP4 | {"container": {"movflags": "faststart"}, "after": lambda path: cut(path, 0.8)},
    "cut.mkv": MKV | {"after": lambda path: cut(path, 0.7)},
    "cut.ts": MP4 | {"after": lambda path: cut(path, 0.7)},
    "cut.avi": RAW | {"codec": "mpeg4", "after": lambda path: cut(path, 0.7)},
}
BROKEN = ("cut.mp4", "cut.avi")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[Frame]]]:
    """A clip of a kind, and its frames as they are read one after the other."""
    folder, known = tmp_path_factory.mktemp("reader"), dict[str, tuple[Path, list[Frame]]]()

    def make(kind: str) -> tuple[Path, list[Frame]]:
        if kind not in known:
            clip = {"options": {"g": "12", "bf": "2"}, **KINDS[kind]}
            after = clip.pop("after", lambda path: path)
            name = kind if "." in kind else f"{kind}.mp4"
            path = after(write_clip(folder / name, images=scene(), size=(64, 96), **clip))
            known[kind] = path, read_on(open_source(path), broken=kind in BROKEN)
        return known[kind]

    return make


def read_on(source: Source, broken: bool = False) -> list[Frame]:
    frames = []
    try:
        for frame in source:
            frames.append(frame)
    except SourceError:
        assert broken
    return frames


def assert_same(frame: Frame, other: Frame) -> None:
    assert (frame.index, frame.name, frame.keyframe) == (other.index, other.name, other.keyframe)
    assert (frame.seconds, frame.since_first) == (other.seconds, other.since_first)
    assert np.array_equal(frame.image, other.image)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_frame_can_be_had_by_its_index(kind: str, made: Callable[[str], tuple[Path, list[Frame]]]) -> None:
    path, frames = made(kind)
    source = open_source(path)
    assert len(frames) > 20
    assert list(source.times()) == [frame.since_first for frame in frames]
    order = random.Random(0).sample(range(len(frames)), 30)
    with FrameReader(source) as reader:
        assert (reader.count, reader.size) == (len(frames), frames[0].size)
        for index in (len(frames) - 1, 0, *order, *range(10, 30)):
            assert_same(reader.frame(index), frames[index])
            assert reader.seconds(index) == frames[index].since_first
            assert reader.keyframe(index) <= index


@settings(max_examples=12)
@given(st.data())
def test_any_order_gives_the_frames_of_reading_on(
    made: Callable[[str], tuple[Path, list[Frame]]], data: st.DataObject
) -> None:
    path, frames = made(data.draw(st.sampled_from(["open groups.mkv", "MPEG-4.avi", "with a gap.ts", "edited"])))
    with FrameReader(open_source(path)) as reader:
        for index in data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=12)):
            assert_same(reader.frame(index), frames[index])


def test_keyframes_are_those_of_the_file(made: Callable[[str], tuple[Path, list[Frame]]]) -> None:
    path, frames = made("mp4")
    reader = FrameReader(open_source(path))
    keys = [frame.index for frame in frames if frame.keyframe]
    assert len(keys) > 4
    assert [reader.keyframe(i) for i in range(COUNT)] == [max(k for k in keys if k <= i) for i in range(COUNT)]


def test_packets_tell_without_decoding(
    made: Callable[[str], tuple[Path, list[Frame]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [open_source(made(kind)[0]) for kind in ("mp4", "mkv.mkv", "VP8.webm", "stream.ts", "tuned in late.ts")]
    monkeypatch.setattr("longtake.video.index._decoded", None)
    for source in sources:
        assert len(source.times()) > 20


def test_what_decodes_of_a_cut_video_is_told(
    made: Callable[[str], tuple[Path, list[Frame]]], caplog: pytest.LogCaptureFixture
) -> None:
    path, frames = made("cut.mp4")
    assert len(open_source(path).times()) == len(frames)
    assert caplog.messages[0].startswith(f"{path}: damaged after frame {len(frames) - 1:06d} at ")


def test_an_index_is_read_once_for_all_stretches(
    made: Callable[[str], tuple[Path, list[Frame]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, frames = made("mp4")
    source, opened = open_source(path), []
    monkeypatch.setattr("longtake.video.stretch.AT_ONCE", 5)
    real = av.open
    monkeypatch.setattr(av, "open", lambda *args, **more: opened.append(args) or real(*args, **more))
    assert len(source.times()) == COUNT
    opened.clear()
    for frame, index in zip(stretch(source, 60, 20), range(60, 19, -1), strict=True):
        assert_same(frame, frames[index])
    assert [frame.index for frame in stretch(source, 40, 44)] == [40, 41, 42, 43, 44]
    assert len(opened) == 2


def test_folders_are_read_by_index(tmp_path: Path) -> None:
    for i in range(9):
        Image.fromarray(picture(i)).save(tmp_path / f"{i}.png")
    reader = FrameReader(open_source(tmp_path))
    assert [number(reader.frame(i).image) for i in (8, 0, 4, 5, 4)] == [8, 0, 4, 5, 4]
    assert (reader.count, reader.size, reader.rate, reader.keyframe(4)) == (9, (48, 64), 24, 4)
    assert [reader.seconds(i) for i in range(9)] == [Fraction(i, 24) for i in range(9)]
    (tmp_path / "4.png").rename(tmp_path / "away")
    with pytest.raises(SourceError, match=r"4\.png: not a readable image"):
        reader.frame(4)
    (tmp_path / "away").rename(tmp_path / "4.png")
    assert number(reader.frame(4).image) == 4


def test_arrays_are_read_by_index_unless_they_come_once() -> None:
    images = [picture(i) for i in range(5)]
    assert [number(FrameReader(open_source(images)).frame(i).image) for i in (4, 1)] == [4, 1]
    with pytest.raises(SourceError, match="arrays: its frames come only once"):
        FrameReader(open_source(iter(images)))


@pytest.mark.parametrize("index", [-1, COUNT, 10**9])
def test_an_index_outside_is_one_line(made: Callable[[str], tuple[Path, list[Frame]]], index: int) -> None:
    reader = FrameReader(open_source(made("mp4")[0]))
    for ask in (reader.frame, reader.keyframe, reader.seconds):
        with pytest.raises(SettingError, match=f"frame {index}: mp4 has frames 0 to {COUNT - 1}"):
            ask(index)


def test_a_video_that_vanishes_can_be_put_back(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", TICKS, options={"g": "12"})
    reader = FrameReader(open_source(path))
    assert number(reader.frame(30).image) == 30 % 17
    path.rename(tmp_path / "away")
    with pytest.raises(SourceError, match=r"clip\.mp4: cannot be read any more \(No such file or directory\)"):
        reader.frame(31)
    data = (tmp_path / "away").read_bytes()
    path.write_bytes(data)
    assert [number(reader.frame(i).image) for i in (31, 2)] == [31 % 17, 2]
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"clip\.mp4: not a readable video"):
        reader.frame(31)
    write_clip(path, TICKS[:40])
    for _ in range(2):
        with pytest.raises(SourceError, match="clip: has 40 frames at other times than the 72 that it had"):
            reader.frame(31)
    write_clip(path, TICKS, size=(32, 64))
    with pytest.raises(SourceError, match=r"frame 000031: 64x32 pixels, but .* is 64x48 pixels"):
        reader.frame(31)
    path.write_bytes(data)
    assert number(reader.frame(32).image) == 32 % 17


def test_a_video_that_is_damaged_within_is_one_line_and_goes_on_behind_it(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", TICKS, images=noisy(COUNT), size=(96, 128), options={"g": "12"})
    frames = read_on(open_source(path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = bytes(20_000)
    path.write_bytes(data)
    reader = FrameReader(open_source(path))
    told = 0
    for index in (0, *range(30, 45), COUNT - 1):
        try:
            frame = reader.frame(index)
        except SourceError as error:
            assert "damaged" in str(error)
            told += 1
        else:
            assert index != COUNT - 1 or np.array_equal(frame.image, frames[index].image)
    assert 0 < told < 16


def test_several_threads_get_what_they_asked_for(made: Callable[[str], tuple[Path, list[Frame]]]) -> None:
    path, frames = made("mp4")
    order = [random.Random(1).randrange(COUNT) for _ in range(60)]
    with FrameReader(open_source(path)) as reader, ThreadPoolExecutor(4) as pool:
        for index, frame in zip(order, pool.map(reader.frame, order), strict=True):
            assert_same(frame, frames[index])


def test_memory_stays_flat(made: Callable[[str], tuple[Path, list[Frame]]]) -> None:
    path, _ = made("mp4")
    order = [random.Random(2).randrange(COUNT) for _ in range(300)]
    with FrameReader(open_source(path)) as reader:
        for index in order[:60]:
            reader.frame(index)
        resident = [_resident()]
        tracemalloc.start()
        reader.frame(0)
        held = tracemalloc.get_traced_memory()[0]
        for index in order:
            reader.frame(index)
        grown = tracemalloc.get_traced_memory()[0] - held
        tracemalloc.stop()
        resident.append(_resident())
    assert grown < 100_000
    assert resident[1] - resident[0] < 8_000_000


def _resident() -> int:
    """Bytes; 0 where the system does not tell."""
    file = Path("/proc/self/statm")
    return int(file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if file.exists() else 0
