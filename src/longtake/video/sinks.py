"""Sinks: context managers that write predictions as they come. Files appear whole: a temporary name, then a rename."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from jaxtyping import UInt8

from longtake.errors import OutputError
from longtake.types import Prediction
from longtake.video.palette import write_labels

TICKS = 90_000
"""Units per second of a written video's timestamps."""


class Sink(ABC):
    """Takes every prediction of a video, in order."""

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Store one prediction."""


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises OutputError where it cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".longtake-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error
    return path


@contextlib.contextmanager
def output(path: Path) -> Iterator[None]:
    """Errors of writing a file as OutputError naming it; its partial file is removed."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); is the disk full?") from error


class _FolderSink(Sink):
    """One file per frame."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)


class LabelSink(_FolderSink):
    """labels/<frame>.png: palette PNG, 16-bit beyond id 255."""

    def write(self, prediction: Prediction) -> None:
        """Store one frame's ids."""
        path = self.folder / f"{prediction.frame.name}.png"
        with output(path):
            write_labels(path, prediction.labels)


class ProbabilitySink(_FolderSink):
    """probabilities/<frame>.npy: float32 [1+n, h, w], background first."""

    def write(self, prediction: Prediction) -> None:
        """Store one frame's probabilities."""
        path = self.folder / f"{prediction.frame.name}.npy"
        partial = path.with_name(f".{path.name}.partial")
        with output(path), partial.open("wb") as file:
            np.save(file, prediction.probabilities)
        with output(path):
            partial.replace(path)


class VideoSink:
    """An H.264 video with the timestamps of its source; whatever was written is playable, also after an error."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self.path, self.partial, self.rate = path, path.with_name(f".{path.name}.partial"), rate
        self.container: av.container.OutputContainer | None = None
        self.ticks = -1

    def __enter__(self) -> "VideoSink":
        return self

    def add(self, image: UInt8[np.ndarray, "h w 3"], seconds: Fraction) -> None:
        """Append a frame; odd sides lose their last row or column, which H.264 cannot hold."""
        if min(image.shape[:2]) < 2:
            image = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
        image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        if self.container is None:
            self._open(image.shape[0], image.shape[1])
        assert self.container is not None
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        self.ticks = max(round(seconds * TICKS), self.ticks + 1)
        frame.pts, frame.time_base = self.ticks, Fraction(1, TICKS)
        with output(self.path):
            self.container.mux(self.stream.encode(frame))

    def _open(self, height: int, width: int) -> None:
        with output(self.path):
            self.container = av.open(str(self.partial), "w", format="mp4")
        self.stream = self.container.add_stream(
            "libx264", rate=round(self.rate) or 1, options={"crf": "20", "preset": "veryfast"}
        )
        self.stream.height, self.stream.width, self.stream.pix_fmt = height, width, "yuv420p"
        self.stream.time_base = Fraction(1, TICKS)
        self.stream.codec_context.time_base = Fraction(1, TICKS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.container is None:
            return
        with output(self.path):
            self.container.mux(self.stream.encode())
            self.container.close()
            self.partial.replace(self.path)
