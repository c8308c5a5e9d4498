"""Segment a video: the whole way from a source and given masks to files, as the command of that name does it."""

import contextlib
import dataclasses
import itertools
import logging
import math
import shutil
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from longtake.engine.forget import Forgetter
from longtake.engine.frugal import policy_for
from longtake.engine.proposals import check_proposals
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.errors import LongtakeError, SettingError
from longtake.export import onnx
from longtake.export.convert import SIDE, write_beside
from longtake.export.explain import Explainer
from longtake.export.given import Given
from longtake.export.live import LiveSink
from longtake.export.matte import MatteSink
from longtake.export.overlay import blend
from longtake.export.record import RunRecord, check_untouched, model_facts, run_facts
from longtake.export.resume import Checkpoint, fingerprint
from longtake.export.tables import DroppedTable, FrameTable
from longtake.memory.policy import parse_policy, slots_for
from longtake.prompting.grabcut import grabcut
from longtake.prompting.prompted import Prompted
from longtake.prompting.rough import Maker
from longtake.systems.calibration import calibration_of
from longtake.systems.checkpoint import Card
from longtake.systems.models import DEFAULT, load
from longtake.systems.proposers import open_proposer
from longtake.systems.protocol import AnySystem
from longtake.types import Frame, Prediction
from longtake.video.ahead import read_ahead
from longtake.video.beforehand import check_inputs
from longtake.video.behind import Behind
from longtake.video.file import without_password
from longtake.video.latest import Drop, read_latest
from longtake.video.masks import read_masks
from longtake.video.rle import tools
from longtake.video.sinks import LabelSink, ProbabilitySink, Sink, VideoSink, make_folder
from longtake.video.source import Source
from longtake.video.sources import open_source
from longtake.video.spans import Mark, Span

log = logging.getLogger("longtake")

BACKENDS = ("torch", "onnx")

KINDS = ("labels", "probabilities", "overlay", "matte", *SIDE)

Report = Callable[[int, int | None], None]
"""Called after each frame with the frames done, and how many there are where that is known."""


class OverlaySink(Sink):
    """overlay.mp4: the masks drawn over their frames."""

    def __init__(self, video: VideoSink, labels: Path) -> None:
        """labels: the folder of masks that an earlier run has written."""
        self.video, self.labels = video, labels

    def write(self, prediction: Prediction) -> None:
        """Append one frame."""
        frame = prediction.frame
        self.video.add(blend(frame.image, prediction.labels, prediction.ids), frame.seconds)

    def passed(self, frame: Frame) -> None:
        """Append one frame by the masks that are there."""
        masks = read_masks(self.labels / f"{frame.name}.png")
        self.video.add(blend(frame.image, masks.labels, masks.ids), frame.seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.video.__exit__(kind, error, trace)


class Tally(Sink):
    """What has been written so far, for the run's record and for who waits."""

    def __init__(self, outcome: dict[str, Any], report: Callable[[int], None]) -> None:
        self.outcome, self.report = outcome, report
        self.done, self.ids = 0, set[int]()

    def write(self, prediction: Prediction) -> None:
        """Count one frame."""
        self.done, self.ids = self.done + 1, self.ids.union(prediction.ids)
        self._tell()

    def passed(self, frame: Frame) -> None:
        """Count one frame that an earlier run has written."""
        self.done += 1
        self._tell()

    def _tell(self) -> None:
        self.outcome |= {"frames": self.done, "objects": sorted(self.ids)}
        self.report(self.done)


def segment(
    source: Path | str | int,
    masks: Path | None,
    out: Path,
    *,
    prompts: Sequence[Prompted] = (),
    maker: Maker = grabcut,
    model: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    loaded: tuple[AnySystem, Card] | None = None,
    memory: str = "auto",
    size: int | None = 480,
    span: Span | None = None,
    save: Sequence[str] = ("overlay",),
    explain: Sequence[str] = (),
    device: str = "auto",
    precision: str = "auto",
    proposals: Path | None = None,
    forget: Mark | None = None,
    backend: str = "torch",
    compiled: bool = False,
    resume: bool = False,
    checkpoint: float = 20.0,
    latency: float | None = None,
    drop: Drop = "late",
    live: bool = False,
    report: Report = lambda done, count: None,
) -> int:
    """Follow the given objects through a video and write their masks; returns the number of frames.

    source: a video, a folder of images, a stream's address or a camera's index. masks: an image for the first frame, or
    a folder of them; or None, where prompts tell roughly of the objects. maker: makes masks of prompts, which are
    written to prompts/<frame>.png. out: gets labels/<frame>.png, frames.csv, run.json and what `save` names. loaded:
    the model, where that was done already; it is made ready here. memory: "auto", or a policy as `parse_policy` reads
    it. size: larger short sides are reduced to it, None never reduces. span: the frames to work on. explain: times (as
    `parse_mark` reads them) of frames for which explain/<frame>/object-<id>.png shows what was looked at. proposals: a
    folder of FRAME.json, or a detector's weights, for models that take proposals. forget: after so many seconds or
    frames unseen an object is followed no longer. backend: "torch", or "onnx" for onnxruntime in float32. compiled: by
    torch.compile, where that can be done. resume: go on where a run with the same settings was stopped, however it was;
    all comes out as if it had not been. checkpoint: seconds after which, at least, the work so far is saved for that,
    unless a camera or a stream brings it. latency: seconds after which a frame of these is dropped, by `drop` as
    `read_latest` does it; dropped.csv says which. live: a page shows what is made. Raises LongtakeError, OutputError
    among them where masks in out were changed since the run that made them; what was written before stays whole.
    """
    again = not isinstance(source, int) and Path(source).exists()
    _check(save, backend, compiled)
    _check_start(without_password(str(source)), out, again, resume, latency)
    explainer = Explainer(out / "explain", explain)
    check_inputs(source, masks, span)
    frames = open_source(source, span)
    given = Given(masks, prompts, maker, out / "prompts", frames.info.rate)
    forgetter = Forgetter(forget, out / "labels")
    run = runtime(device, "float32" if (backend, precision) == ("onnx", "auto") else precision)
    system, card = loaded or load(model, weights, settings)
    rules = rules_for(system, policy_for(system, run) if memory == "auto" else parse_policy(memory))
    check_proposals(system, proposals is not None)
    proposer = None if proposals is None else open_proposer(proposals, run.device)
    system = run.ready(system)
    if compiled:
        system = run.compiled(system, slots_for(rules.policy))
        rules = rules_for(system, rules.policy if system.accepts_policy else None)
    facts = {
        "source": {"address": without_password(str(source)), **_words(frames.info), "span": str(frames.span)},
        "masks": masks and str(masks),
        "inputs": fingerprint(*([masks] if masks else []), *([Path(str(source))] if again else [])),
        "prompts": [prompted.words() for prompted in prompts],
        "forget": forget and forget.text,
        "model": model_facts(model, card, settings),
        "explain": list(explain),
        "proposals": proposals and str(proposals),
        "backend": backend,
        "compiled": compiled,
        "save": sorted({"labels", *save}),
        **run_facts(rules, size, run),
    }
    new = not out.exists()
    make_folder(out)
    saved = Checkpoint(out, facts, checkpoint if again else math.inf)
    if (count := saved.begin(resume)) is not None:
        write_beside(out, save)
        return count
    earlier = {path.name for path in (out / "labels").glob("*.png")}
    with (
        _gone_if_refused(out, new),
        RunRecord(out / "run.json", facts, {"frames": 0, "objects": [], "colours": {}}) as record,
        contextlib.ExitStack() as stack,
    ):
        pictures = stack.enter_context(contextlib.closing(_pictures(frames, latency, drop, out, stack)))
        images: Iterator[Frame] = pictures
        if backend == "onnx" and (first := next(pictures, None)) is not None:
            fitted = system.fit.place(first.size, size).fitted
            system = onnx.prepared(system, card, fitted, slots_for(rules.policy), run.device.type)
            rules = rules_for(system, rules.policy if system.accepts_policy else None)
            images = itertools.chain([first], pictures)
        session = saved.open(system, run, proposer)
        if resume:
            log.info("%s: %s", out, f"going on after {session.time} frames" if session else "nothing to go on with")
        session = session or Session(system, rules=rules, short_side=size, run=run, keep=0, proposer=proposer)
        table = FrameTable(
            out / "frames.csv", frames.info, session.time, saved.path.exists, calibration_of(card.preset)
        )
        sinks = [*_sinks(out, {"labels", *save}, frames, live, stack), stack.enter_context(table)]
        tally = Tally(record.outcome, lambda done: report(done, frames.info.count if frames.span.whole else None))
        tally.ids.update(table.ids)
        results = stack.enter_context(Behind([*sinks, tally, saved]))
        for frame in _followed(images, session, given, explainer, forgetter, results, saved):
            earlier.discard(f"{frame.name}.png")
            record.outcome["colours"] = given.named_colours
        given.check_used(all_frames=frames.span.whole)
        explainer.check_done()
    saved.drop()
    _tell_of(earlier, out / "labels")
    write_beside(out, save)
    return tally.done


def _followed(
    images: Iterator[Frame],
    session: Session,
    given: Given,
    explainer: Explainer,
    forgetter: Forgetter,
    results: Sink,
    saved: Checkpoint,
) -> Iterator[Frame]:
    """Every frame, when its prediction was handed on; those that the session has done before go by."""
    done = session.time
    for number, frame in enumerate(images):
        if number < done:
            given.passed(frame)
            explainer.passed(session, number, frame)
            forgetter.passed(session, frame)
            results.passed(frame)
        else:
            explainer.look(session, frame)
            prediction = session.push(frame, given(frame, session))
            forgetter.look(session, prediction)
            saved.offer(session, frame)
            results.write(prediction)
        yield frame


@contextlib.contextmanager
def _gone_if_refused(out: Path, new: bool) -> Iterator[None]:
    """Removes a folder that is new where an error comes before the first frame is done."""
    try:
        yield
    except LongtakeError:
        if new and not any((out / "labels").glob("*.png")):
            shutil.rmtree(out, ignore_errors=True)
        raise


def _check(save: Sequence[str], backend: str, compiled: bool) -> None:
    if backend not in BACKENDS:
        raise SettingError(f"--backend {backend}: use {' or '.join(BACKENDS)}")
    if compiled and backend != "torch":
        raise SettingError(f"--compile: --backend {backend} has graphs of its own; leave one of them out")
    for kind in save:
        if kind not in KINDS:
            raise SettingError(f"--save {kind}: not a kind of result; use {', '.join(KINDS)}")
    if {"coco", "ytvis"} & {*save}:
        tools()  # missed at once, rather than when all is done


def _check_start(source: str, out: Path, again: bool, resume: bool, latency: float | None) -> None:
    """again: whether the source gives its frames again."""
    if not resume:
        check_untouched(out)
    if resume and not again:
        raise SettingError(f"--resume: {source} does not give its frames again")
    if latency is not None and again:
        raise SettingError(f"--latency: {source} waits for nobody's frames; only cameras and streams drop some")


def _tell_of(earlier: Collection[str], folder: Path) -> None:
    if earlier:
        log.info("%s: %d masks of an earlier run, of frames that this one did not have", folder, len(earlier))


def _words(values: Any) -> dict[str, Any]:
    """A dataclass's fields, exact fractions as text."""
    plain = (str, int, float, type(None))
    return {k: v if isinstance(v, plain) else str(v) for k, v in dataclasses.asdict(values).items()}


def _pictures(
    frames: Source, latency: float | None, drop: Drop, out: Path, stack: contextlib.ExitStack
) -> Generator[Frame, None, None]:
    """The frames, read by a thread; of live ones those that are in time, the others in dropped.csv."""
    if latency is None:
        return read_ahead(frames)
    dropped = stack.enter_context(DroppedTable(out / "dropped.csv"))
    return read_latest(frames, latency, dropped.add, drop)


def _sinks(out: Path, kinds: Collection[str], frames: Source, live: bool, stack: contextlib.ExitStack) -> list[Sink]:
    """The sinks of frames, closed with the stack."""
    sinks: list[Sink] = [LabelSink(out / "labels")]
    if "probabilities" in kinds:
        sinks.append(ProbabilitySink(out / "probabilities"))
    if "overlay" in kinds:
        cut = frames.span.start is not None
        video = VideoSink(out / "overlay.mp4", frames.info, frames.sound, from_zero=cut)
        sinks.append(OverlaySink(video, out / "labels"))
    if "matte" in kinds:
        sinks.append(MatteSink(out / "matte.mov", frames, by_probability="probabilities" in kinds))
    if live:
        sinks.append(LiveSink())
    for sink in sinks:
        stack.enter_context(sink)
    return sinks
