"""Benchmark: a model follows every object of a data set; its masks are scored and its speed and memory measured."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake.data.dataset import Dataset, Video, open_dataset
from longtake.data.labels import ids_in, read_labels, void_in
from longtake.data.rendered import write_rendered
from longtake.engine.runtime import Runtime, runtime
from longtake.engine.session import Session
from longtake.engine.step import Rules, rules_for
from longtake.errors import InputError, SettingError
from longtake.evaluation.evaluate import Evaluation, evaluate
from longtake.evaluation.files import as_json, write_csv
from longtake.evaluation.page import write_page
from longtake.evaluation.protocols import Protocol, find_protocol
from longtake.evaluation.speed import HOW, Stopwatch, peak_memory
from longtake.export.record import RunRecord
from longtake.memory.policy import parse_policy
from longtake.systems.models import DEFAULT, load
from longtake.systems.protocol import AnySystem
from longtake.types import Masks, Prediction
from longtake.video.folder import FolderSource
from longtake.video.sinks import LabelSink, make_folder, output
from longtake.video.whole import whole

PROTOCOLS: Mapping[str, str] = {
    "davis2016": "davis2016",
    "davis2017": "davis2017",
    "lvos": "lvos-v2",
    "youtube-vos": "youtube-vos-proxy",
    "synth": "davis2017",
}
"""Data set -> protocol."""

PREDICTIONS, SCORES, TABLE, PAGE, RECORD = "predictions", "scores.json", "scores.csv", "report.html", "run.json"


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
    protocol: str | None = None,
    unseen: Path | None = None,
    model: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    memory: str = "auto",
    size: int | None = 480,
    oracle: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    report: Callable[[int, int | None, str], None] = lambda done, count, video: None,
) -> Benchmark:
    """Segment every video of a split, score it, and write predictions/ and all results into the folder `out`.

    root: the data set; None for "synth", which is then rendered into out. protocol: the data set's own where None.
    oracle: what the model is told of the truth (LVOS, table 5): the box of each object, the masks that it remembers, or
    both. Raises LongtakeError; predictions of finished frames stay.
    """
    rules, data = _data(root, out, dataset, split, protocol)
    run = runtime(device, precision)
    system, card = load(model, weights, settings)
    how = oracle_rules(system, memory, oracle)
    system = system.to(run.device).to(memory_format=torch.channels_last)
    make_folder(out)
    facts = {
        "data": {"root": str(data.root), "layout": data.layout, "split": data.split},
        "model": {"name": model, "preset": card.preset, "options": dict(card.options), "licence": card.licence},
        "memory": repr(how.policy),
        "oracle": oracle,
        "short_side": size,
        "device": str(run.device),
        "precision": str(run.dtype).removeprefix("torch."),
    }
    watch, count = Stopwatch(run.device), sum(len(video.frames) for video in data.videos)
    done = 0
    with RunRecord(out / RECORD, facts, {"frames": 0}) as record:
        for video in data.videos:
            for prediction, sink in _segment(system, how, video, rules, size, run, watch, out):
                sink.write(prediction)
                done += 1
                report(done, count, video.name)
        peak = peak_memory(run.device)
        result = Benchmark(_score(data, out, rules, unseen), watch.rate, peak, done, out)
        record.outcome |= result.facts()
    if result.evaluation is not None:
        _write(result, {**facts, **result.facts()})
    return result


def oracle_rules(system: AnySystem, memory: str = "auto", oracle: str | None = None) -> Rules:
    """The rules of a run with an oracle; box: objects only in their true boxes; mask: true masks are remembered."""
    if oracle not in (None, "box", "mask", "both"):
        raise SettingError(f"--oracle {oracle}: use box, mask or both")
    policy = None if memory == "auto" else parse_policy(memory)
    return rules_for(system, policy, "truth" if oracle in ("mask", "both") else None, boxes=oracle in ("box", "both"))


def _data(
    root: Path | None, out: Path, dataset: str, split: str | None, protocol: str | None
) -> tuple[Protocol, Dataset]:
    if dataset not in PROTOCOLS:
        raise SettingError(f"--dataset {dataset}: use {', '.join(PROTOCOLS)}")
    rules = find_protocol(protocol or PROTOCOLS[dataset])
    if root is None:
        if dataset != "synth":
            raise SettingError(f"--dataset {dataset}: name the folder of the data set; only synth is rendered")
        root = write_rendered(make_folder(out) / "clips")
    data = open_dataset(root, split, rules.year)
    for video in data.videos:
        if not video.frames:
            raise InputError(f"{data.root}: video {video.name} has no frames in JPEGImages")
    return rules, data


def _segment(
    system: AnySystem,
    how: Rules,
    video: Video,
    rules: Protocol,
    size: int | None,
    run: Runtime,
    watch: Stopwatch,
    out: Path,
) -> Iterator[tuple[Prediction, LabelSink]]:
    """The predictions of a video, in order, and where they go."""
    session = Session(system, rules=how, short_side=size, run=run, keep=0)
    given, sink = Given(video, rules), LabelSink(out / PREDICTIONS / video.name)
    watch.next_video()
    for frame in FolderSource(next(iter(video.frames.values())).parent):
        prompt, truth = given.masks(frame.name)
        known = truth if how.boxes or how.feedback == "truth" else None
        yield watch.frame(partial(session.push, frame, prompt, known)), sink


class Given:
    """The masks that a benchmark gives: of each object its first, of nothing later."""

    def __init__(self, video: Video, protocol: Protocol) -> None:
        self.video, self.protocol = video, protocol
        self.known = set[int]()
        self.first = next(iter(video.masks), None)

    def masks(self, frame: str) -> tuple[Masks | None, Masks | None]:
        """What is given on a frame, and the whole truth; None where there is nothing. Raises MaskError."""
        if frame not in self.video.masks:
            return None, None
        path = self.video.masks[frame]
        labels = read_labels(path)
        ids = ids_in(labels)
        if self.protocol.objects == "foreground":
            void = void_in(labels) & bool(ids)
            labels = ((labels != 0) & ~void).astype(np.uint16)
            ids = ids_in(labels)
        truth = Masks(np.where(np.isin(labels, ids), labels, 0).astype(np.uint16), tuple(ids), str(path))
        late = self.protocol.objects in ("metadata", "all")
        fresh = [name for name in ids if name not in self.known] if late or frame == self.first else []
        self.known.update(fresh)
        if not fresh:
            return None, truth
        return Masks(np.where(np.isin(labels, fresh), labels, 0).astype(np.uint16), tuple(fresh), str(path)), truth


def _score(data: Dataset, out: Path, rules: Protocol, unseen: Path | None) -> Evaluation | None:
    """The scores; None where no video has more than first masks."""
    if all(len(video.masks) < 2 for video in data.videos):
        return None
    return evaluate(data, {out.resolve().name: out / PREDICTIONS}, rules, unseen=unseen)


def _write(result: Benchmark, facts: Mapping[str, Any]) -> None:
    assert result.evaluation is not None
    path, content = result.out / SCORES, as_json(result.evaluation) | {"benchmark": dict(facts)}
    with output(path), whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_csv(result.out / TABLE, result.evaluation)
    write_page(result.out / PAGE, result.evaluation, told(result))


def told(result: Benchmark) -> dict[str, str]:
    """Speed and memory in words."""
    words = {}
    if result.rate is not None:
        words["frames per second"] = f"{result.rate:.2f}"
    if result.memory is not None:
        words["peak memory"] = f"{result.memory[0] / 1e6:.0f} MB"
    return words
