"""The masks of a video and of its predictions, frame by frame; whatever is wrong with a file is collected."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped

from longtake.data.dataset import Video
from longtake.data.labels import VOID, ids_in, read_labels, void_in, white_in
from longtake.errors import LongtakeError
from longtake.evaluation.folded import SHOWN, Flaws, counted, some, spelled_otherwise
from longtake.evaluation.protocols import Protocol

Run = Mapping[str, Mapping[str, Path]]
"""Predictions: video -> frame -> mask."""


class Foreground:
    """All foreground as one object, id 1; of what 255 is, the masks of the video decide together (`white_in`)."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.white = white_in(files)

    def of(self, labels: Shaped[np.ndarray, "h w"]) -> Shaped[np.ndarray, "h w"]:
        """1 where the foreground is."""
        merged: np.ndarray = ((labels != 0) & (self.white | ~void_in(labels))).astype(np.uint8)
        return merged


class Truth:
    """The annotations of a video, as a protocol sees them."""

    def __init__(self, video: Video, protocol: Protocol, counted: set[int]) -> None:
        self.video, self.protocol, self.flaws = video, protocol, Flaws()
        self.counted, self.seen = counted, set[int]()
        self.foreground = Foreground(video.masks.values()) if protocol.objects == "foreground" else None

    @property
    def ids(self) -> set[int]:
        """Those that count, and all others that have come so far."""
        return self.counted | self.seen

    def read(self, name: str) -> tuple[Shaped[np.ndarray, "h w"], Bool[np.ndarray, "h w"]] | None:
        """Ids and void pixels of a frame, void taken out of the ids; None where it cannot be read."""
        labels = _read(self.video.masks[name], self.flaws)
        if labels is None:
            return None
        void = void_in(labels)
        if self.foreground is not None:
            return self.foreground.of(labels), void & (not self.foreground.white)
        self.seen.update(ids_in(labels))
        return (np.where(void, 0, labels) if void.any() else labels), void

    def notes(self) -> list[str]:
        """Objects that the protocol passes over, and those that no mask has."""
        found = []
        if late := sorted(self.seen - self.counted):
            found.append(f"{self.video.name}: not counted, for they come after the first mask: {_listing(late)}")
        if self.protocol.objects == "metadata" and (absent := sorted(self.counted - self.seen)):
            found.append(f"{self.video.name}: in no mask, and so right where not predicted: {_listing(absent)}")
        return found


class Predicted:
    """The predictions of a video. run: their name in messages, where there are several runs."""

    def __init__(self, files: Mapping[str, Path], truth: Truth, run: str = "") -> None:
        self.files, self.truth, self.flaws = files, truth, Flaws()
        self.where = f"{run}: {truth.video.name}" if run else truth.video.name
        self.missing: list[str] = []
        self.holders: dict[int, list[Path]] = {}
        self.foreground = Foreground(files.values()) if truth.foreground is not None else None

    def read(
        self, name: str, ids: Shaped[np.ndarray, "h w"], void: Bool[np.ndarray, "h w"]
    ) -> Shaped[np.ndarray, "h w"] | None:
        """The ids of a frame, as the protocol sees them; None, and a problem, where they cannot be scored."""
        if name not in self.files:
            self.missing.append(name)
            return None
        labels = _read(self.files[name], self.flaws)
        if labels is None:
            return None
        if labels.shape != ids.shape:
            ours, theirs = (f"{shape[1]}x{shape[0]}" for shape in (labels.shape, ids.shape))
            self.flaws.add(self.files[name], f"{ours} pixels, but its annotation has {theirs}")
            return None
        if self.foreground is not None:
            return self.foreground.of(labels)
        for found in [*ids_in(labels), *([VOID] if void_in(labels).any() else [])]:
            self.holders.setdefault(found, []).append(self.files[name])
        if self.truth.protocol.void == "ignored":
            labels = np.where(void, 0, labels)
        return labels

    def problems(self) -> list[str]:
        """Files that cannot be scored, frames without a prediction, ids that no annotation of the video has."""
        found = self.flaws.lines(self.where, "prediction")
        if self.missing:
            hint = spelled_otherwise(self.missing, list(self.files))
            frames = f"{counted(len(self.missing), 'frame')} without a prediction"
            found.append(f"{self.where}: {frames}: {some(self.missing)}{hint}")
        return found + self._strays()

    def _strays(self) -> list[str]:
        strays = sorted(set(self.holders) - self.truth.ids)
        known = f"which {self.truth.video.name} lacks (it has {_listing(sorted(self.truth.ids)) or 'none'})"
        if len(strays) > SHOWN:
            file = self.holders[strays[0]][0]
            return [f"{file}: {len(strays)} ids, {known}: {_listing(strays)}; soft edges? save without anti-aliasing"]
        found = []
        for stray in strays:
            files = self.holders[stray]
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            hint = "; black and white masks are scored with davis2016" if stray == VOID else ""
            found.append(f"{files[0]}{more}: id {stray}, {known}{hint}")
        return found

    def notes(self) -> list[str]:
        """Objects that are never predicted, and predictions of frames that there are not."""
        found, video = [], self.truth.video
        if self.foreground is None and (never := sorted(self.truth.counted - set(self.holders))):
            found.append(f"{self.where}: in no prediction: {_listing(never)}")
        if video.frames and (spare := [name for name in self.files if name not in {**video.frames, **video.masks}]):
            found.append(
                f"{self.where}: {counted(len(spare), 'prediction')} of frames that there are not: {some(spare)}; "
                "are they numbered from another start?"
            )
        return found


def by_number(video: Video, files: dict[str, Path]) -> dict[str, Path]:
    """Predictions under the names of the frames that have their numbers: 000001 is 00001.

    As they came where each annotation has one of its name, where names are no numbers or numbers come twice, and where
    they seem to count from another start: then some annotation has none, and some prediction no frame.
    """
    frames = [*{**video.frames, **video.masks}]
    if set(video.masks) <= set(files) or not all(name.isdecimal() for name in (*frames, *files)):
        return files
    names, numbers = {int(name): name for name in frames}, {int(name) for name in files}
    if len(names) < len(frames) or len(numbers) < len(files):
        return files
    if not (numbers <= set(names) or {int(name) for name in video.masks} <= numbers):
        return files
    return {names.get(int(name), name): path for name, path in files.items()}


def _listing(ids: Iterable[int]) -> str:
    return some([str(i) for i in ids])


def _read(path: Path, flaws: Flaws) -> Shaped[np.ndarray, "h w"] | None:
    try:
        return read_labels(path)
    except LongtakeError as error:
        flaws.add(path, str(error))
        return None
