"""The four steps of LVOS's annotation (section 3.2): follow at a coarse rate, correct, fill in, correct."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from longtake.engine.annotation import PINNED, Annotation
from longtake.engine.following import Only
from longtake.errors import SettingError
from longtake.video.source import Times

ROUNDED = Fraction(1, 1000)
"""Seconds of the longest tick to which times are rounded; a longer one is the time from frame to frame."""


@dataclass(frozen=True)
class Settings:
    """Frames per second of the first round and of the second, None for every frame; what the model is shown."""

    coarse_rate: float = 1.0
    fine_rate: float | None = 6.0
    look: Literal["all", "kept"] = "all"

    def __post_init__(self) -> None:
        for rate in (self.coarse_rate, self.fine_rate):
            if rate is not None and not 0 < rate <= 1000:
                raise SettingError(f"{rate:g} frames per second; give a rate above 0, to 1000 at most")
        if self.fine_rate is not None and self.fine_rate < self.coarse_rate:
            raise SettingError(f"the fine rate, {self.fine_rate:g}, is below the coarse one, {self.coarse_rate:g}")


@dataclass(frozen=True)
class Step:
    """How far one step is; why: what is to be done before it can run, or None."""

    step: int
    name: str
    done: int
    total: int
    ready: bool
    why: str | None


def at_rate(times: Times, rate: float | None) -> list[int]:
    """The frames that are kept at a rate: the first of each period, counted from the first frame; None keeps all.

    Files tell times in whole ticks, Matroska in milliseconds, so a frame may seem to come half a tick too early.
    """
    if rate is None:
        return list(range(len(times)))
    exact = Fraction(rate).limit_denominator(10_000)
    ticks = np.asarray(times.ticks, dtype=object) - times.ticks[0]
    per = times.time_base * exact
    early = min(times.time_base, ROUNDED) / 2 * exact
    scaled = ticks * (per.numerator * early.denominator) + early.numerator * per.denominator
    periods = (scaled // (per.denominator * early.denominator)).astype(np.int64)
    found: list[int] = np.flatnonzero(np.diff(periods, prepend=-1) > 0).tolist()
    return found


class Pipeline:
    """Where an annotation stands. A quality check has its own frames, and only its second step."""

    def __init__(
        self, annotation: Annotation, times: Times, settings: Settings, sample: Sequence[int] | None = None
    ) -> None:
        self.annotation, self.settings, self.sample = annotation, settings, sample
        self.coarse = list(sample) if sample is not None else at_rate(times, settings.coarse_rate)
        fine = set(self.coarse) if sample is not None else set(at_rate(times, settings.fine_rate)).union(self.coarse)
        self.fine = sorted(fine)
        self._coarse, self._fine = frozenset(self.coarse), frozenset(self.fine)

    def starts(self) -> list[int]:
        """What step 1 follows from: frames with masks that a person gave or accepted, or that were imported."""
        told = (*PINNED, "imported")
        found = {
            frame
            for frame, layer in self.annotation.history.items("layer")
            if any(origin in told for origin, _ in layer["objects"].values())
        }
        return sorted(found.union(self.annotation.accepted))

    def steps(self) -> list[Step]:
        """All four, in order."""
        masked = {frame for frame, _ in self.annotation.history.items("layer")}
        accepted = frozenset(self.annotation.accepted)
        counts = [
            (len(masked & self._coarse), len(self._coarse)),
            (len(accepted & self._coarse), len(self._coarse)),
            (len(masked & self._fine), len(self._fine)),
            (len(accepted & self._fine), len(self._fine)),
        ]
        missing = (
            None if masked else "draw an object on a frame first, or import masks",
            None if masked & self._coarse else "run step 1 first",
            None if accepted else "accept frames in step 2 first: what lies between them is filled in",
            None if masked & self._fine else "run step 3 first",
        )
        if self.sample is not None:
            missing = ("not in a quality check: draw each frame anew", None, missing[0] and "", None)
        settings = self.settings
        fine = "every frame" if settings.fine_rate is None else f"{settings.fine_rate:g} a second"
        names = (f"Follow, {settings.coarse_rate:g} a second", "Correct", f"Fill in, {fine}", "Correct again")
        return [
            Step(number, name, *count, why is None, why or None)
            for number, (name, count, why) in enumerate(zip(names, counts, missing, strict=True), 1)
        ]

    def present(self, steps: Sequence[Step]) -> int:
        """The step to be done now."""
        if self.sample is not None:
            return 2
        follow, correct, fill, _ = steps
        if fill.done == fill.total and follow.done == follow.total:
            return 4
        if follow.done < follow.total:
            return 1
        return 2 if correct.done < correct.total else 3

    def only(self, step: int) -> Only:
        """What is kept of what is followed in a step."""
        kept = self._coarse if step <= 2 else self._fine
        everything = len(kept) == self.annotation.count
        return Only(None if everything else kept, self.settings.look == "kept" and not everything)

    def frames(self, step: int) -> Sequence[int]:
        """What a step is about."""
        return self.coarse if step <= 2 else self.fine

    def waiting(self) -> list[int]:
        """The frames of the present step that have masks and are not accepted."""
        accepted = frozenset(self.annotation.accepted)
        frames = self.frames(self.present(self.steps()))
        return [frame for frame in frames if frame not in accepted and self.annotation.known(frame)]

    def queue(self, step: int, count: int) -> list[tuple[int, int | None, float | None]]:
        """What to look at next: frame, object and confidence of the most doubtful, then the others by time."""
        frames, accepted = self.frames(step), frozenset(self.annotation.accepted)
        doubts = self.annotation.review(self._coarse if step <= 2 else self._fine)[:count]
        found: list[tuple[int, int | None, float | None]] = [(each.frame, each.id, each.confidence) for each in doubts]
        taken = {frame for frame, _, _ in found}.union(accepted)
        shown = frames if self.sample is not None else [frame for frame in frames if self.annotation.known(frame)]
        rest = [(frame, None, None) for frame in shown if frame not in taken]
        return [*found, *rest][:count]

    def corrected(self) -> Collection[int]:
        """The frames with an object whose mask somebody corrected."""
        return [
            frame
            for frame, layer in self.annotation.history.items("layer")
            if any(origin == "corrected" for origin, _ in layer["objects"].values())
        ]
