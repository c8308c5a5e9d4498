from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from longtake.errors import OutputError, SourceError
from longtake.types import VideoInfo
from longtake.video.folder import FolderSource
from longtake.video.sinks import VideoSink, make_folder
from longtake.video.sources import open_source

INFO = VideoInfo("clip", None, Fraction(24), Fraction(1, 90_000))


def picture(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    image = np.full((height, width, 3), 40, np.uint8)
    image[: height // 4, : width // 4] = value
    return image


def video(path: Path, seconds: list[Fraction], **size: int) -> Path:
    with VideoSink(path, INFO) as sink:
        for second in seconds:
            sink.add(picture(220, **size), second)
    return path


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.jpg", "frame100.webp"):
        Image.fromarray(picture(200)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a frame")
    source = open_source(tmp_path)
    assert [frame.name for frame in source] == ["frame9", "frame10", "frame100"]
    assert source.info.count == 3
    assert [frame.index for frame in source] == [0, 1, 2]


def test_a_video_keeps_its_timestamps(tmp_path: Path) -> None:
    seconds = [Fraction(t, 30) for t in (0, 1, 2, 6, 7, 15, 30, 31)]
    source = open_source(video(tmp_path / "vfr.mp4", seconds))
    frames = list(source)
    assert [frame.seconds for frame in frames] == seconds
    assert [frame.name for frame in frames[:2]] == ["000000", "000001"]
    assert frames[0].keyframe
    assert len(list(source)) == 8  # reading again starts over


def test_odd_sizes_lose_one_line_in_h264(tmp_path: Path) -> None:
    frame = next(iter(open_source(video(tmp_path / "odd.mp4", [Fraction(0)], height=97, width=131))))
    assert frame.size == (96, 130)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        Image.fromarray(picture(1)).save(tmp_path / name)
    with pytest.raises(SourceError, match="several images are named a"):
        open_source(tmp_path)


def test_timestamps_of_a_written_video_never_go_back(tmp_path: Path) -> None:
    path = video(tmp_path / "still.mp4", [Fraction(0), Fraction(0), Fraction(1, 24)])
    seconds = [frame.seconds for frame in open_source(path)]
    assert seconds == sorted(set(seconds))


def test_a_video_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "overlay.mp4").mkdir()
    with pytest.raises(OutputError, match=r"overlay\.mp4: cannot be written"):
        video(tmp_path / "overlay.mp4", [Fraction(0)])
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.mp4"]


def test_problems_of_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / "missing.mp4")
    with pytest.raises(SourceError, match="no images"):
        open_source(tmp_path)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(SourceError, match="not a readable video"):
        open_source(tmp_path / "text.mp4")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(SourceError, match=r"broken\.png: not a readable image"):
        list(FolderSource(tmp_path))


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceError, match="no video stream"):
        open_source(path)


def test_an_interrupted_video_is_whole_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    with pytest.raises(KeyboardInterrupt), VideoSink(path, INFO) as sink:
        sink.add(picture(9), Fraction(0))
        raise KeyboardInterrupt
    assert len(list(open_source(path))) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["cut.mp4"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "file" / "out")
