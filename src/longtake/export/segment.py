"""Segment a video: the whole way from a source and given masks to files, as the command of that name does it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from longtake.engine.propagate import propagate
from longtake.engine.runtime import runtime
from longtake.engine.step import rules_for
from longtake.errors import SettingError
from longtake.export.overlay import blend
from longtake.memory.policy import parse_policy
from longtake.systems.models import DEFAULT, load
from longtake.types import Prediction
from longtake.video.prompts import MaskFolder
from longtake.video.sinks import LabelSink, ProbabilitySink, Sink, VideoSink, make_folder
from longtake.video.sources import Source, open_source

KINDS = ("labels", "probabilities", "overlay")

Report = Callable[[int, int | None], None]
"""Called after each frame with the frames done, and how many there are where that is known."""


class OverlaySink(VideoSink, Sink):
    """overlay.mp4: the masks drawn over their frames."""

    def write(self, prediction: Prediction) -> None:
        """Append one frame."""
        frame = prediction.frame
        self.add(blend(frame.image, prediction.labels, prediction.ids), frame.seconds)


def segment(
    source: Path,
    masks: Path,
    out: Path,
    *,
    model: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    memory: str = "auto",
    size: int | None = 480,
    save: Sequence[str] = ("overlay",),
    device: str = "auto",
    precision: str = "auto",
    report: Report = lambda done, count: None,
) -> int:
    """Follow the given objects through a video and write their masks; returns the number of frames.

    source: a video or a folder of images. masks: an image for the first frame, or a folder of them. out: gets
    labels/<frame>.png and what `save` names. memory: "auto", or a policy as `parse_policy` reads it. size: larger
    short sides are reduced to it, None never reduces. Raises LongtakeError; what was written before stays whole.
    """
    unknown = [kind for kind in save if kind not in KINDS]
    if unknown:
        raise SettingError(f"--save {unknown[0]}: not a kind of result; use {', '.join(KINDS)}")
    frames, given, run = open_source(source), MaskFolder(masks), runtime(device, precision)
    system, _ = load(model, weights, settings)
    rules = rules_for(system, None if memory == "auto" else parse_policy(memory))
    system = system.to(run.device).to(memory_format=torch.channels_last)
    done = 0
    with _sinks(out, {"labels", *save}, frames) as sinks:
        for prediction in propagate(system, frames, given, rules=rules, short_side=size, run=run):
            for sink in sinks:
                sink.write(prediction)
            done += 1
            report(done, frames.info.count)
    given.check_used()
    return done


@contextlib.contextmanager
def _sinks(out: Path, kinds: set[str], frames: Source) -> Iterator[list[Sink]]:
    make_folder(out)
    sinks: list[Sink] = []
    with contextlib.ExitStack() as stack:
        if "labels" in kinds:
            sinks.append(LabelSink(out / "labels"))
        if "probabilities" in kinds:
            sinks.append(ProbabilitySink(out / "probabilities"))
        if "overlay" in kinds:
            overlay = OverlaySink(out / "overlay.mp4", frames.info.rate)
            stack.enter_context(overlay)
            sinks.append(overlay)
        yield sinks
