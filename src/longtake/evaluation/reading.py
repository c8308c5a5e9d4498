"""The masks of a video and of its predictions, frame by frame; whatever is wrong with a file is collected."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from longtake.data.dataset import Video
from longtake.data.labels import VOID, ids_in, read_labels, void_in
from longtake.errors import LongtakeError
from longtake.evaluation.folded import some, spelled_otherwise
from longtake.evaluation.protocols import Protocol

Run = Mapping[str, Mapping[str, Path]]
"""Predictions: video -> frame -> mask."""


class Truth:
    """The annotations of a video, as a protocol sees them."""

    def __init__(self, video: Video, protocol: Protocol, counted: set[int], problems: list[str]) -> None:
        self.video, self.protocol, self.problems = video, protocol, problems
        self.ids = set[int]() if protocol.objects == "foreground" else set(counted)
        """Those that count, and all others that have come so far."""

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Ids and void pixels of a frame, void taken out of the ids; None where it cannot be read."""
        labels = _read(self.video.masks[name], self.problems)
        if labels is None:
            return None
        self.ids.update(ids_in(labels))
        void = void_in(labels)
        if self.protocol.objects == "foreground":
            void &= bool(self.ids)
            return ((labels != 0) & ~void).astype(np.uint8), void
        return (np.where(void, 0, labels) if void.any() else labels), void


class Predicted:
    """The predictions of a video."""

    def __init__(self, files: Mapping[str, Path], truth: Truth, problems: list[str]) -> None:
        self.files, self.truth, self.problems = files, truth, problems
        self.missing: list[str] = []
        self.strays: dict[int, list[Path]] = {}

    def read(self, name: str, ids: np.ndarray, void: np.ndarray) -> np.ndarray | None:
        """The ids of a frame, as the protocol sees them; None, and a problem, where they cannot be scored."""
        if name not in self.files:
            self.missing.append(name)
            return None
        labels = _read(self.files[name], self.problems)
        if labels is None:
            return None
        if labels.shape != ids.shape:
            ours, theirs = (f"{shape[1]}x{shape[0]}" for shape in (labels.shape, ids.shape))
            self.problems.append(f"{self.files[name]}: {ours} pixels, but its annotation has {theirs}")
            return None
        if self.truth.protocol.objects == "foreground":
            merged: np.ndarray = (labels != 0).astype(np.uint8)
            return merged
        for found in [*ids_in(labels), *([VOID] if void_in(labels).any() else [])]:
            self.strays.setdefault(found, []).append(self.files[name])
        if self.truth.protocol.void == "ignored":
            labels = np.where(void, 0, labels)
        return labels

    def close(self) -> None:
        """Tell of frames without a prediction, and of ids that no annotation of the video has."""
        if self.missing:
            hint = spelled_otherwise(self.missing, list(self.files))
            self.problems.append(
                f"{self.truth.video.name}: {len(self.missing)} frames have no prediction: {some(self.missing)}{hint}"
            )
        for found in sorted(set(self.strays) - self.truth.ids):
            files = self.strays[found]
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            known = ", ".join(map(str, sorted(self.truth.ids))) or "none"
            self.problems.append(f"{files[0]}{more}: id {found}, which {self.truth.video.name} lacks (it has {known})")


def _read(path: Path, problems: list[str]) -> np.ndarray | None:
    try:
        return read_labels(path)
    except LongtakeError as error:
        problems.append(str(error))
        return None
