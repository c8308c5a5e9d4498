"""Sinks: context managers that write predictions as they come. Files appear whole: a temporary name, then a rename."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import Colorspace
from jaxtyping import UInt8

from longtake.errors import OutputError
from longtake.types import Frame, Prediction, VideoInfo
from longtake.video.palette import write_labels
from longtake.video.sound import Sound, Track
from longtake.video.whole import whole

LATE = 60
"""Seconds up to which a video may begin late, as its source does; broadcasts begin hours from zero."""

SAME = {"x264-params": "mbtree=0"}
"""The same frames give the same file: x264's macroblock trees differ from one run to the next on some processors."""

ITU709 = 1
"""Primaries and transfer of ITU-R BT.709, as H.273 numbers them."""


class Sink(ABC):
    """A context manager that takes every prediction of a video, in order."""

    def __enter__(self) -> "Sink":
        return self

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Store one prediction."""

    def passed(self, frame: Frame) -> None:  # noqa: B027
        """A frame whose prediction an earlier run has stored; only what is one file for all frames has to know."""

    def __exit__(  # noqa: B027
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


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
        with contextlib.suppress(OSError):
            path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); is the disk full?") from error


class _FolderSink(Sink):
    """One file per frame."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)


class LabelSink(_FolderSink):
    """labels/<frame>.png: palette PNG, 16-bit beyond id 254."""

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
        with output(path), whole(path) as partial, partial.open("wb") as file:
            np.save(file, prediction.probabilities)


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a video is stored."""

    container: str
    codec: str
    pixels: str
    options: Mapping[str, str]
    track: Track = Track()
    even: bool = False
    """Whether both sides have to be even."""


H264 = Coding(
    container="mp4", codec="libx264", pixels="yuv420p", options={"crf": "20", "preset": "veryfast", **SAME}, even=True
)


class VideoSink:
    """A video with the timestamps of its source; whatever was written is playable, also after an error."""

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        sound: Path | None = None,
        from_zero: bool = False,
        coding: Coding = H264,
    ) -> None:
        """sound: a file whose sound goes along. from_zero: the first frame is the beginning, whatever its time.

        It is so too where the source's first frame comes before 0 or after a minute.
        """
        self.path, self.partial, self.info, self.coding = path, path.with_name(f".{path.name}.partial"), info, coding
        self.sound_path, self.from_zero = sound, from_zero
        self.container: av.container.OutputContainer | None = None
        self.sound: Sound | None = None
        self.ticks: int | None = None
        self.colours = Colorspace.ITU709 if coding.pixels.startswith("yuv") else None

    def __enter__(self) -> "VideoSink":
        return self

    def add(self, image: UInt8[np.ndarray, "h w c"], seconds: Fraction) -> None:
        """Append a frame, RGB or RGBA; odd sides lose their last row or column where the coding cannot hold them."""
        if self.coding.even:
            if min(image.shape[:2]) < 2:
                image = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
            image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        if self.container is None:
            self.origin = Fraction(0) if not self.from_zero and 0 <= seconds <= LATE else seconds
            self._open(image.shape[0], image.shape[1])
        assert self.container is not None
        layout = "rgba" if image.shape[2] == 4 else "rgb24"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=layout)
        frame = frame.reformat(format=self.coding.pixels, dst_colorspace=self.colours)
        ticks = round((seconds - self.origin) / self.tick)
        self.ticks = ticks if self.ticks is None else max(ticks, self.ticks + 1)
        frame.pts, frame.time_base = self.ticks, self.tick
        with output(self.path):
            self.container.mux(self.stream.encode(frame))
        if self.sound is not None:
            self.sound.until(seconds + 1 / self.info.rate)

    def _open(self, height: int, width: int) -> None:
        self.tick = Fraction(1, self.info.time_base.denominator)
        with output(self.path):
            # what comes before a first frame that is late is stored in units of the movie's own clock
            clock = self.tick.denominator * -(-1000 // self.tick.denominator)
            options = {"movie_timescale": str(clock)} if self.coding.container in ("mp4", "mov") else {}
            self.container = av.open(str(self.partial), "w", format=self.coding.container, options=options)
        rate = round(self.info.rate) or 1
        stream = self.container.add_stream(self.coding.codec, rate=rate, options=dict(self.coding.options))
        assert isinstance(stream, av.VideoStream)
        self.stream = stream
        self.stream.height, self.stream.width, self.stream.pix_fmt = height, width, self.coding.pixels
        self.stream.time_base = self.stream.codec_context.time_base = self.tick
        if self.colours is not None:
            self.stream.codec_context.colorspace = self.colours
        self.stream.codec_context.color_primaries = self.stream.codec_context.color_trc = ITU709
        if self.sound_path is not None:
            self.sound = Sound(self.sound_path, self.container, self.origin, self.coding.track)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.container is not None:
                with output(self.path):
                    self.container.mux(self.stream.encode())
                    self.container.close()
                    self.partial.replace(self.path)
        finally:
            if self.sound is not None:
                self.sound.close()
