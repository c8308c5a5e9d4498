"""The worst frames of a run, as pictures: what was hit, what was missed, and what was taken by mistake."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from longtake.data.dataset import Dataset, Video
from longtake.errors import LongtakeError
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.reading import Predicted, Run, Truth
from longtake.evaluation.results import ObjectResult
from longtake.video.images import read_image

SIDE = 320
"""Pixels along the longer side of a picture."""

PER_OBJECT = 2

HIT, MISSED, MISTAKEN = (64, 170, 150), (245, 180, 40), (215, 60, 130)
"""Colours, RGB."""


@dataclass(frozen=True)
class Worst:
    """An object in one of its worst frames."""

    name: str
    frame: str
    j: float
    f: float
    picture: str
    """A JPEG as a data address."""


def worst_frames(
    dataset: Dataset, files: Run, objects: Sequence[ObjectResult], protocol: Protocol, most: int
) -> list[Worst]:
    """The frames with the lowest J, at most two of an object and those not next to each other, lowest first."""
    videos = {video.name: video for video in dataset.videos}
    found = []
    for thing, at in _lowest(objects)[:most]:
        video, track = videos[thing.video], thing.track
        picture = _picture(video, files, thing.id, track.frames[at], protocol)
        found.append(Worst(thing.name, track.frames[at], track.j[at], track.f[at], picture))
    return found


def _lowest(objects: Sequence[ObjectResult]) -> list[tuple[ObjectResult, int]]:
    """Objects with the place of a low frame in their track."""
    chosen = []
    for thing in objects:
        order, apart = np.argsort(thing.track.j, kind="stable"), max(1, len(thing.track.j) // 10)
        places: list[int] = []
        for at in order:
            if len(places) < PER_OBJECT and all(abs(int(at) - other) >= apart for other in places):
                places.append(int(at))
        chosen += [(thing, at) for at in places]
    return sorted(chosen, key=lambda entry: entry[0].track.j[entry[1]])


def _picture(video: Video, files: Run, name: int, frame: str, protocol: Protocol) -> str:
    truth = Truth(video, protocol, set())
    wanted, void = truth.read(frame) or (np.zeros((1, 1), np.uint8),) * 2
    found = Predicted(files[video.name], truth).read(frame, wanted, void)
    assert found is not None, "scored before"
    drawn = draw(_photograph(video, frame, wanted), found == name, wanted == name)
    scale = SIDE / max(drawn.shape[:2])
    size = max(1, round(drawn.shape[1] * scale)), max(1, round(drawn.shape[0] * scale))
    small = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _photograph(video: Video, frame: str, labels: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """The frame in grey, so that colours tell of masks alone; flat where there is no picture of its size."""
    flat = np.full((*labels.shape, 3), 60, np.uint8)
    if frame not in video.frames:
        return flat
    try:
        image = read_image(video.frames[frame])
    except LongtakeError:
        return flat
    if image.shape[:2] != labels.shape:
        return flat
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def draw(
    image: UInt8[np.ndarray, "h w 3"], found: Bool[np.ndarray, "h w"], wanted: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with hit, missed and mistaken pixels tinted."""
    out = image.astype(np.float32)
    for pixels, colour in ((found & wanted, HIT), (wanted & ~found, MISSED), (found & ~wanted, MISTAKEN)):
        out[pixels] = 0.4 * out[pixels] + 0.6 * np.array(colour, np.float32)
    return out.astype(np.uint8)
