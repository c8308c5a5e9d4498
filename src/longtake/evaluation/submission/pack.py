"""Predictions packed for a benchmark's server: exactly what it takes, or every problem and nothing written."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

import longtake
from longtake.data.dataset import Dataset, masks_by_video
from longtake.data.layouts import open_dataset, splits_in
from longtake.errors import InputError, OutputError, SettingError, UnfitError
from longtake.evaluation.folded import counted, some
from longtake.evaluation.reading import Run
from longtake.evaluation.submission.archive import is_archive, packed
from longtake.evaluation.submission.entries import Entry, entry
from longtake.evaluation.submission.servers import Server, find_server
from longtake.video.palette import palette_image
from longtake.video.sinks import output
from longtake.video.whole import whole

Report = Callable[[int, int | None], None]
"""Called with the number of frames done, and of all."""

OTHER_ARCHIVES = frozenset({".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz"})

RATES = ("6fps", "all-frames")
"""What a system saw of YouTube-VOS: the frames that are scored, 6 a second, or all 30."""


@dataclass(frozen=True)
class Submission:
    """What was packed, and where."""

    path: Path
    record: Path
    facts: Mapping[str, Any]
    """What the record says."""


def submit(
    predictions: Path,
    annotations: Path,
    to: str,
    out: Path,
    *,
    split: str | None = None,
    rate: str | None = None,
    report: Report = lambda done, count: None,
) -> Submission:
    """Pack predictions, a folder of id images per video, for the server of a benchmark.

    annotations: the data set, or the split. to: a name of `SERVERS`. out: an archive (.zip) or a folder; the record
    (`<out without .zip>.json`) lies beside it. rate: what the system saw, None to find it out (YouTube-VOS only).
    Raises UnfitError naming all that is wrong with any file, InputError or OutputError; nothing is written then.
    """
    server = find_server(to)
    if out.suffix.lower() in OTHER_ARCHIVES:
        raise SettingError(f"--out {out}: archives are .zip; without that ending it is a folder")
    _check_rate(rate, server)
    record = record_path(out)
    dataset = _open(annotations, split, server)
    files = masks_by_video(predictions, [video.name for video in dataset.videos])
    entries = [entry(video, files.get(video.name, {}), server) for video in dataset.videos if video.name in files]
    _check_claim(rate, entries)
    problems = _absent(dataset, files)
    with packed(out) as add:
        done, total = 0, sum(len(one.frames) for one in entries)
        for one in entries:
            for name, labels in one.read():
                add(server.path(one.video.name, name), _png(labels))
                done += 1
                report(done, total)
        if problems := problems + [problem for one in entries for problem in one.problems]:
            raise UnfitError(problems, "written")
    facts = _facts(predictions, out, server, dataset, entries, rate)
    with output(record), whole(record) as partial:
        partial.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return Submission(out, record, facts)


def record_path(out: Path) -> Path:
    """Where the record of a submission goes. Raises OutputError where a file of another kind is there."""
    path = out.with_suffix(".json") if is_archive(out) else out.with_name(f"{out.name}.json")
    if path.exists():
        try:
            ours = "benchmark" in json.loads(path.read_bytes())
        except (OSError, ValueError, TypeError):
            ours = False
        if not ours:
            raise OutputError(f"{path}: is there already and no record of a submission; choose another --out")
    return path


def _check_rate(rate: str | None, server: Server) -> None:
    if rate is not None and rate not in RATES:
        raise SettingError(f"--input {rate}: not a rate; use one of: {', '.join(RATES)}")
    if rate is not None and server.frames != "listed":
        raise SettingError(f"--input {rate}: {server.name} has frames of one rate only; leave --input out")


def _check_claim(rate: str | None, entries: Sequence[Entry]) -> None:
    if rate == "6fps" and (more := _between(entries)):
        raise SettingError(
            f"--input 6fps: {counted(more, 'prediction')} of frames between those of 6 fps; leave it out"
        )


def _between(entries: Sequence[Entry]) -> int:
    """Predictions of frames that are neither listed nor among those of 6 fps."""
    return sum(len(set(one.files) - set(one.frames) - set(one.video.frames)) for one in entries)


def _open(root: Path, split: str | None, server: Server) -> Dataset:
    """The split that the server scores, in a layout of its benchmark."""
    there = splits_in(root) if root.is_dir() else []
    split = split or next((name for name in server.splits if name in there), None)
    dataset = open_dataset(root, split.removesuffix("_all_frames") if split else None, server.year)
    if dataset.layout not in server.layouts:
        raise InputError(
            f"{dataset.root}: a data set of layout {dataset.layout}, which --to {server.name} does not take"
            f"{'; its meta.json is missing' if server.frames == 'listed' and dataset.layout == 'mose' else ''}"
        )
    return dataset


def _absent(dataset: Dataset, files: Run) -> list[str]:
    absent = [video.name for video in dataset.videos if video.name not in files]
    return [f"{counted(len(absent), 'video')} without a folder of predictions: {some(absent)}"] if absent else []


def _png(labels: Shaped[np.ndarray, "h w"]) -> bytes:
    """A palette PNG."""
    buffer = io.BytesIO()
    palette_image(labels).save(buffer, format="PNG")
    return buffer.getvalue()


def _facts(
    predictions: Path, out: Path, server: Server, dataset: Dataset, entries: Sequence[Entry], rate: str | None
) -> dict[str, Any]:
    frames = sum(len(one.frames) for one in entries)
    notes = [note for one in entries for note in one.notes]
    if spare := sum(len(set(one.files) - set(one.frames)) for one in entries):
        notes.append(f"{counted(spare, 'prediction')} of frames that are not asked for, left out")
    return {
        "benchmark": server.name,
        "split": dataset.split,
        "data": str(dataset.root.resolve()),
        "predictions": str(predictions.resolve()),
        "packed": out.name,
        "layout": server.path("<video>", "<frame>"),
        "videos": len(entries),
        "frames": frames,
        "objects": sum(len(one.ids) for one in entries),
        "input": _input(entries, rate) if server.frames == "listed" else None,
        "longtake": longtake.__version__,
        "notes": notes,
    }


def _input(entries: Sequence[Entry], rate: str | None) -> dict[str, str]:
    """What the system saw: as it was told, or as the frames that it predicted tell."""
    if rate is not None:
        return {"rate": rate, "known_from": "as given"}
    if more := _between(entries):
        return {"rate": "all-frames", "known_from": f"{counted(more, 'prediction')} of frames between those of 6 fps"}
    return {"rate": "6fps", "known_from": "no prediction of a frame between those of 6 fps"}
