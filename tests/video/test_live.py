"""Sources that come as they come: streams that stall, cameras that are unplugged, frames read ahead."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from longtake.errors import SourceError
from longtake.video.ahead import read_ahead
from longtake.video.sources import open_source
from zoo import number, picture, write_clip


class Server(http.server.BaseHTTPRequestHandler):
    """Sends a share of a file, then nothing, until the test is over."""

    data = b""
    share = 1.0
    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()
        self.wfile.write(self.data[: int(len(self.data) * self.share)])
        self.wfile.flush()
        if self.share < 1:
            self.over.wait(20)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    Server.data = write_clip(tmp_path / "clip.ts", range(0, 3750 * 200, 3750)).read_bytes()
    Server.over.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/clip.ts"
        Server.over.set()
        server.shutdown()
        thread.join()


def test_a_stream_is_read_from_its_address(address: str) -> None:
    Server.share = 1.0
    frames = list(open_source(address))
    assert [number(frame.image) for frame in frames] == [i % 17 for i in range(200)]


def test_a_stream_that_stalls_is_given_up_with_one_line(address: str) -> None:
    Server.share = 0.6
    frames, began = [], time.monotonic()
    source = open_source(address, patience=1.0)
    with pytest.raises(SourceError, match=r"no data for 1\.0 seconds after frame"):
        for frame in source:
            frames.append(frame)
    assert 60 <= len(frames) < 200
    assert time.monotonic() - began < 10


def test_an_address_without_an_answer_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"^http://127\.0\.0\.1:9/x\.ts: "):
        open_source("http://127.0.0.1:9/x.ts", patience=2.0)


class Camera:
    """Three frames, then the plug is pulled."""

    def __init__(self, index: int) -> None:
        self.left = 3

    def isOpened(self) -> bool:
        return True

    def get(self, what: int) -> float:
        return 29.97

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, picture(self.left)[..., ::-1]) if self.left >= 0 else (False, None)

    def release(self) -> None:
        pass


def test_an_unplugged_camera_is_one_line_after_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    source, frames = open_source(0), []
    with pytest.raises(SourceError, match="camera 0: gives no more frames after 3; was it unplugged"):
        for frame in source:
            frames.append(frame)
    assert [number(frame.image) for frame in frames] == [2, 1, 0]
    seconds = [frame.seconds for frame in frames]
    assert seconds == sorted(set(seconds))
    assert all((s / source.info.time_base).denominator == 1 for s in seconds)


def test_read_ahead_keeps_order_and_reads_no_further_than_its_depth() -> None:
    made = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    items = read_ahead(numbers(), depth=3)
    assert next(items) == 0
    time.sleep(0.3)
    assert len(made) <= 6
    assert list(items) == list(range(1, 100))


def test_read_ahead_gives_what_came_before_an_error() -> None:
    def numbers() -> Iterator[int]:
        yield from range(5)
        raise SourceError("broken")

    got = []
    with pytest.raises(SourceError, match="broken"):
        for item in read_ahead(numbers(), depth=2):
            got.append(item)
    assert got == list(range(5))


def test_read_ahead_that_is_closed_ends_its_thread() -> None:
    items = read_ahead(iter(range(10**9)), depth=2)
    next(items)
    items.close()
    assert not any(thread.name == "longtake read ahead" for thread in threading.enumerate())
