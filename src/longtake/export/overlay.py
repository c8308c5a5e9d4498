"""Masks drawn over their frame, for people to look at."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from longtake.export.exchange import MaskVideo, Report, flattened
from longtake.export.footage import beside, footage
from longtake.video.palette import colours
from longtake.video.sinks import VideoSink
from longtake.video.whole import whole

OPACITY = 0.5
EDGE = (255, 255, 255)


def blend(
    image: UInt8[np.ndarray, "h w 3"], labels: UInt16[np.ndarray, "h w"], ids: tuple[int, ...]
) -> UInt8[np.ndarray, "h w 3"]:
    """The frame with each object tinted in its palette colour and outlined in white."""
    table = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
    for name, colour in zip(ids, colours(ids), strict=True):
        if name < len(table):
            table[name] = colour
    tinted = cv2.addWeighted(image, 1 - OPACITY, table[labels], OPACITY, 0)
    out = np.where((labels > 0)[:, :, None], tinted, image).astype(np.uint8)
    out[edges(labels)] = EDGE
    return out


def edges(labels: UInt16[np.ndarray, "h w"]) -> np.ndarray:
    """Pixels whose right or lower neighbour holds another id."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found


def write_overlay(
    video: MaskVideo, path: Path, source: str | None = None, report: Report = lambda done, count: None
) -> None:
    """The masks drawn over their video, with its times and its sound.

    source: the video, None for the one that the run's record names. Raises what reading raises; OutputError.
    """
    frames = footage(video, source)
    cut = frames.span.start is not None
    with whole(path) as partial, VideoSink(partial, frames.info, frames.sound, from_zero=cut) as sink:
        for done, (frame, place) in enumerate(beside(frames, video), 1):
            regions = {} if place is None else video.read(place)
            labels, _ = flattened(regions, frame.size)
            sink.add(blend(frame.image, labels, tuple(regions)), frame.seconds)
            report(done, len(video.stills) if frames.span.end else frames.info.count)
