"""A matte: the video with an alpha channel, opaque where objects are. Alpha is straight: colours stay as they were.

The ending of the path says how it is stored: .mov is ProRes 4444, .webm VP9, .mkv FFV1 (without loss); without an
ending it is a folder of RGBA PNGs. Times are those of the source; WebM and Matroska count in whole milliseconds.
Shapes: h, w the size of a frame.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from longtake.errors import MaskError, SettingError
from longtake.export.exchange import MaskVideo, Regions, Report, only_object
from longtake.export.footage import beside, footage
from longtake.types import Frame, Prediction
from longtake.video.masks import read_masks
from longtake.video.sinks import Coding, Sink, VideoSink, output
from longtake.video.sound import Track
from longtake.video.source import Source
from longtake.video.whole import whole, whole_folder

PLAIN = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"})

CODINGS: Mapping[str, Coding] = {
    ".mov": Coding(
        container="mov",
        codec="prores_ks",
        pixels="yuva444p10le",
        options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
        track=Track(copied=PLAIN),
    ),
    ".webm": Coding(
        container="webm",
        codec="libvpx-vp9",
        pixels="yuva420p",
        options={"crf": "16", "b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "4"},
        track=Track(frozenset({"opus", "vorbis"}), "libopus", (48_000,), early=False),
    ),
    ".mkv": Coding(
        container="matroska",
        codec="ffv1",
        pixels="bgra",
        options={"level": "3"},
        track=Track(copied=PLAIN | {"opus", "flac", "vorbis"}, early=False),
    ),
}

Add = Callable[[UInt8[np.ndarray, "h w 4"], Frame], None]


def coding_of(path: Path) -> Coding | None:
    """How a matte is stored at a path; None for a folder of PNGs. Raises SettingError on any other ending."""
    ending = path.suffix.lower()
    if ending and ending not in CODINGS:
        raise SettingError(f"--out {path}: a matte is {', '.join(CODINGS)}, or without an ending a folder of PNGs")
    return CODINGS.get(ending)


def soft(probability: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Alpha of a probability."""
    alpha: np.ndarray = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
    return alpha


class MatteSink(Sink):
    """matte.mov beside the other results of a run, all objects together; edges are as soft as the probabilities."""

    def __init__(self, path: Path, frames: Source, by_probability: bool) -> None:
        """by_probability: alpha is what the background leaves; else 0 or 255, as the labels say."""
        cut = frames.span.start is not None
        self.video = VideoSink(path, frames.info, frames.sound, from_zero=cut, coding=CODINGS[path.suffix])
        self.by_probability, self.results = by_probability, path.parent

    def write(self, prediction: Prediction) -> None:
        """Append one frame."""
        background = prediction.probabilities[0] if self.by_probability else prediction.labels == 0
        self._add(prediction.frame, background)

    def passed(self, frame: Frame) -> None:
        """Append one frame by the results that are there."""
        if self.by_probability:
            self._add(frame, np.load(self.results / "probabilities" / f"{frame.name}.npy")[0])
        else:
            self._add(frame, read_masks(self.results / "labels" / f"{frame.name}.png").labels == 0)

    def _add(self, frame: Frame, background: np.ndarray) -> None:
        """background: probabilities, or where it is."""
        alpha = soft(1 - background) if background.dtype != bool else np.where(background, np.uint8(0), np.uint8(255))
        self.video.add(np.dstack([frame.image, alpha]), frame.seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.video.__exit__(kind, error, trace)


def write_matte(
    video: MaskVideo,
    path: Path,
    source: str | None = None,
    only: int | None = None,
    report: Report = lambda done, count: None,
) -> None:
    """Write the matte of a video, whole or not at all.

    source: the video, None for the one that the run's record names. only: the id of one object, None for all together.
    Alpha comes from the probabilities where the results have them. Raises what reading raises; MaskError where no frame
    has the object; OutputError.
    """
    coding = coding_of(path)
    frames = footage(video, source)
    video = video if only is None else only_object(video, only)
    with _video(path, frames, coding) if coding else _folder(path) as add:
        for done, (frame, place) in enumerate(beside(frames, video), 1):
            regions = {} if place is None else video.read(place)
            add(np.dstack([frame.image, _alpha(video, place, regions, frame.size, only)]), frame)
            report(done, len(video.stills) if frames.span.end else frames.info.count)


def _alpha(
    video: MaskVideo, place: int | None, regions: Regions, size: tuple[int, int], only: int | None
) -> UInt8[np.ndarray, "h w"]:
    if video.probabilities is not None and place is not None:
        planes = video.probabilities(place)
        if planes[0].shape != size:
            raise MaskError(f"{video.name}, frame {video.stills[place].name}: probabilities of another size")
        if only is None:
            return soft(1 - planes[0])
        return soft(planes[only]) if only in planes else np.zeros(size, np.uint8)
    alpha = np.zeros(size, np.uint8)
    for region in regions.values():
        alpha[region.place][region.inside] = 255
    return alpha


@contextlib.contextmanager
def _video(path: Path, frames: Source, coding: Coding) -> Iterator[Add]:
    cut = frames.span.start is not None
    with (
        whole(path) as partial,
        VideoSink(partial, frames.info, frames.sound, from_zero=cut, coding=coding) as sink,
    ):
        yield lambda image, frame: sink.add(image, frame.seconds)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[Add]:
    with output(path), whole_folder(path) as partial:

        def add(image: UInt8[np.ndarray, "h w 4"], frame: Frame) -> None:
            Image.fromarray(image).save(partial / f"{frame.name}.png", compress_level=3)

        yield add
