"""Benchmark: a model follows every object of a data set; its masks are scored and its speed and memory measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake.data.dataset import Dataset, Video
from longtake.data.layouts import open_dataset
from longtake.data.longsynth import write_longsynth
from longtake.data.rendered import SETS, write_rendered
from longtake.engine.proposals import check_proposals
from longtake.engine.runtime import Runtime, runtime
from longtake.engine.session import Session
from longtake.engine.step import Rules, rules_for
from longtake.errors import InputError, MaskError, SettingError
from longtake.evaluation.attributes import labelled
from longtake.evaluation.evaluate import Evaluation, evaluate
from longtake.evaluation.groups import grouping
from longtake.evaluation.protocols import Protocol, find_protocol
from longtake.evaluation.reading import Truth
from longtake.evaluation.report.files import SCORES, as_json, write_csv, write_json
from longtake.evaluation.report.page import write_page
from longtake.evaluation.speed import HOW, Stopwatch, peak_memory
from longtake.evaluation.windows import has_truth
from longtake.export.record import RunRecord, model_facts, run_facts
from longtake.memory.policy import parse_policy
from longtake.systems.models import DEFAULT, load
from longtake.systems.proposers import open_proposer
from longtake.systems.protocol import AnySystem
from longtake.types import Masks, Prediction, Proposer
from longtake.video.folder import FolderSource
from longtake.video.proposals import FolderOfProposals
from longtake.video.sinks import LabelSink, make_folder

LONGSYNTH = "longtake-synth"

PROTOCOLS: Mapping[str, str] = {
    "davis2016": "davis2016",
    "davis2017": "davis2017",
    "lvos": "lvos-v2",
    "mose": "davis2017",
    "youtube-vos": "youtube-vos-proxy",
    **dict.fromkeys(SETS, "davis2017"),
    LONGSYNTH: "lvos-v2",
}
"""Data set -> protocol."""

PREDICTIONS, TABLE, PAGE, RECORD = "predictions", "scores.csv", "report.html", "run.json"


@dataclass(frozen=True)
class Benchmark:
    """What came out: scores (none where there are first masks alone), frames per second, peak bytes and of what."""

    evaluation: Evaluation | None
    rate: float | None
    memory: tuple[int, str] | None
    frames: int
    out: Path

    def facts(self) -> dict[str, Any]:
        """Speed and memory in plain values."""
        return {
            "frames": self.frames,
            "frames_per_second": self.rate,
            "frames_per_second_means": HOW,
            "peak_memory_bytes": self.memory and self.memory[0],
            "peak_memory_means": self.memory and self.memory[1],
        }


def benchmark(
    root: Path | None,
    out: Path,
    *,
    dataset: str = "davis2017",
    split: str | None = None,
    seed: int = 1,
    protocol: str | None = None,
    unseen: Path | None = None,
    attributes: str | Path | None = None,
    model: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    surplus: bool = False,
    memory: str = "auto",
    size: int | None = 480,
    oracle: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    proposals: Path | None = None,
    report: Callable[[int, int | None, str], None] = lambda done, count, video: None,
) -> Benchmark:
    """Segment every video of a split, score it, and write predictions/ and all results into the folder `out`.

    root: the data set; None for what is rendered, which then goes into out. seed: of longtake-synth. protocol: the data
    set's own where None. attributes: a file with those of each video, or "computed" for those that masks tell of.
    surplus: whether the model's file may hold weights of parts that the settings switch off.
    oracle: what the model is told of the truth (LVOS, table 5): the box of each object, the masks that it remembers, or
    both. proposals: a folder that holds one of FRAME.json for each video, or a detector's weights.
    Raises LongtakeError; predictions of finished frames stay.
    """
    system, card = load(model, weights, settings, surplus=surplus)
    rules, run = oracle_rules(system, memory, oracle), runtime(device, precision)
    check_proposals(system, proposals is not None)
    follower = Follower(system, rules, size, run, proposers(proposals, run.device))
    scoring, data = open_data(root, out, dataset, split, protocol, seed)
    if has_truth(data.videos):
        grouping(data, scoring, unseen)  # what is wrong with it is better said before hours of work
        labelled(data, attributes)
    watch, done = Stopwatch(follower.run.device), 0
    count = sum(len(video.frames) for video in data.videos)
    facts = {
        "data": {"root": str(data.root), "layout": data.layout, "split": data.split},
        "model": model_facts(model, card, settings),
        "oracle": oracle,
        "proposals": proposals and str(proposals),
        **run_facts(follower.rules, size, follower.run),
    }
    name = out.resolve().name + (f" (told the truth, oracle {oracle}: no result)" if oracle else "")
    with RunRecord(make_folder(out) / RECORD, facts, {"frames": 0}) as record:
        for video in data.videos:
            sink = LabelSink(out / PREDICTIONS / video.name)
            for prediction in follower.follow(video, scoring, watch):
                sink.write(prediction)
                done += 1
                report(done, count, video.name)
        peak = peak_memory(follower.run.device)
        result = Benchmark(_score(data, out, name, scoring, unseen, attributes), watch.rate, peak, done, out)
        record.outcome |= result.facts()
    if result.evaluation is not None:
        _write(result, {**facts, **result.facts()})
    return result


class Follower:
    """A model, and how it is run."""

    def __init__(
        self,
        system: AnySystem,
        rules: Rules,
        size: int | None,
        run: Runtime,
        proposer: Callable[[str], Proposer | None] = lambda video: None,
    ) -> None:
        """proposer: by the name of a video."""
        self.system, self.proposer = run.ready(system), proposer
        self.rules, self.size, self.run = rules, size, run

    def follow(self, video: Video, protocol: Protocol, watch: Stopwatch) -> Iterator[Prediction]:
        """The objects of a video in each of its frames, from their first masks; the clock runs for the model alone."""
        proposer = self.proposer(video.name)
        session = Session(self.system, rules=self.rules, short_side=self.size, run=self.run, keep=0, proposer=proposer)
        given, told = Given(video, protocol), self.rules.boxes or self.rules.feedback == "truth"
        watch.next_video()
        for frame in FolderSource(next(iter(video.frames.values())).parent):
            prompt, truth = given.masks(frame.name)
            yield watch.frame(partial(session.push, frame, prompt, truth if told else None))


def proposers(path: Path | None, device: torch.device) -> Callable[[str], Proposer | None]:
    """The proposer of each video, by its name: a folder for each, or one detector for all, or none."""
    if path is not None and path.is_dir():
        return lambda video: FolderOfProposals(path / video)
    proposer = None if path is None else open_proposer(path, device)
    return lambda video: proposer


def oracle_rules(system: AnySystem, memory: str = "auto", oracle: str | None = None) -> Rules:
    """The rules of a run with an oracle; box: objects only in their true boxes; mask: true masks are remembered."""
    if oracle not in (None, "box", "mask", "both"):
        raise SettingError(f"--oracle {oracle}: use box, mask or both")
    policy = None if memory == "auto" else parse_policy(memory)
    return rules_for(system, policy, "truth" if oracle in ("mask", "both") else None, boxes=oracle in ("box", "both"))


def open_data(
    root: Path | None, out: Path, dataset: str, split: str | None, protocol: str | None, seed: int = 1
) -> tuple[Protocol, Dataset]:
    """The protocol and the videos of a benchmark, see there; what is rendered goes into out. Raises InputError."""
    if dataset not in PROTOCOLS:
        raise SettingError(f"--dataset {dataset}: use {', '.join(PROTOCOLS)}")
    rules = find_protocol(protocol or PROTOCOLS[dataset])
    if root is None:
        root = _rendered(make_folder(out) / "clips", dataset, seed)
    data = open_dataset(root, split, rules.year)
    for video in data.videos:
        if not video.frames:
            raise InputError(f"{data.root}: video {video.name} has no frames in JPEGImages")
    return rules, data


def _rendered(clips: Path, dataset: str, seed: int) -> Path:
    """A data set that longtake makes itself; videos that follow from a seed are whole where they are there already."""
    if dataset == LONGSYNTH:
        root = make_folder(clips) / f"{LONGSYNTH}-{seed}"
        return root if root.is_dir() else write_longsynth(root, seed)
    if dataset in SETS:
        return write_rendered(clips, dataset)
    made = ", ".join([*SETS, LONGSYNTH])
    raise SettingError(f"--dataset {dataset}: name the folder of the data set; only {made} are rendered")


class Given:
    """The masks that a benchmark gives: of each object its first, of nothing later."""

    def __init__(self, video: Video, protocol: Protocol) -> None:
        self.video, self.annotations = video, Truth(video, protocol, set())
        self.late = protocol.objects in ("metadata", "all")
        self.known = set[int]()

    def masks(self, frame: str) -> tuple[Masks | None, Masks | None]:
        """What is given on a frame, and the whole truth; None where there is nothing. Raises MaskError."""
        if frame not in self.video.masks:
            return None, None
        read = self.annotations.read(frame)
        if read is None:
            raise MaskError(self.annotations.flaws.lines(self.video.name, "annotation")[-1])
        truth = Masks.of(read[0], str(self.video.masks[frame]))
        fresh = [name for name in truth.ids if name not in self.known and (self.late or not self.known)]
        self.known.update(fresh)
        return (_only(truth, fresh) if fresh else None), truth


def _only(masks: Masks, ids: Sequence[int]) -> Masks:
    return replace(masks, labels=np.where(np.isin(masks.labels, ids), masks.labels, np.uint16(0)), ids=tuple(ids))


def _score(
    data: Dataset, out: Path, name: str, rules: Protocol, unseen: Path | None, attributes: str | Path | None
) -> Evaluation | None:
    """The scores; None where no video has more than first masks."""
    if not has_truth(data.videos):
        return None
    return evaluate(data, {name: out / PREDICTIONS}, rules, unseen=unseen, attributes=attributes)


def _write(result: Benchmark, facts: Mapping[str, Any]) -> None:
    assert result.evaluation is not None
    write_json(result.out / SCORES, as_json(result.evaluation) | {"benchmark": dict(facts)})
    write_csv(result.out / TABLE, result.evaluation)
    write_page(result.out / PAGE, result.evaluation, told(result), _about(facts))


def _about(facts: Mapping[str, Any]) -> str:
    """What ran, and how, in a line."""
    side = "frames of any size" if facts["short_side"] is None else f"short side at most {facts['short_side']}"
    how = [facts["model"]["preset"], side, f"memory {facts['memory']}", facts["device"], facts["precision"]]
    return ", ".join([*how, *([f"oracle {facts['oracle']}"] if facts["oracle"] else [])])


def told(result: Benchmark) -> dict[str, str]:
    """Speed and memory in words."""
    words = {}
    if result.rate is not None:
        words["frames per second"] = f"{result.rate:.2f}"
    if result.memory is not None:
        words["peak memory"] = f"{result.memory[0] / 1e6:.0f} MB"
    return words
