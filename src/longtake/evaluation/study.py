"""Study: the runs of a table, one after another, and the table; runs that are done with the same settings are kept."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import longtake
from longtake.errors import InputError, ScarceError
from longtake.evaluation.benchmark import open_data
from longtake.evaluation.evaluate import Difference, difference
from longtake.evaluation.finished import Finished, read_finished
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.report.files import SCORES
from longtake.evaluation.separate import Report, in_own_process
from longtake.evaluation.study_rows import Row, rows_of
from longtake.evaluation.windows import has_truth
from longtake.systems.models import find
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole

RUNS, ASKED = "runs", "asked.json"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all runs of a study have in common; see `benchmark`."""

    root: Path | None = None
    dataset: str = "davis2017"
    split: str | None = None
    seed: int = 1
    protocol: str | None = None
    unseen: Path | None = None
    attributes: str | Path | None = None
    size: int | None = 480
    device: str = "auto"
    precision: str = "auto"
    proposals: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """A row, and its run; none where it is not run. against: how it differs from the first row's run."""

    row: Row
    run: Finished | None
    against: Difference | None = None


@dataclass(frozen=True)
class Study:
    """A table: what it is of, and its rows."""

    table: str
    protocol: Protocol
    data: str
    outcomes: Sequence[Outcome]
    notes: Sequence[str]


def study(
    table: str,
    out: Path,
    models: Sequence[str],
    setup: Setup,
    *,
    settings: Mapping[str, Any] | None = None,
    memory: str = "auto",
    report: Report = lambda done, count, note: None,
) -> Study:
    """Run what a table needs and has not got yet; every run is a benchmark's folder in out/runs.

    table: oracle, ablation or systems. settings, memory: of all runs. Each run is in a process of its own, so that its
    memory is its own (a script needs `if __name__ == "__main__":`). Raises LongtakeError; runs that are finished stay,
    and are not run again.
    """
    plan = rows_of(table, models, settings or {}, memory)
    place = out / "data" / setup.dataset
    if setup.root is None and (place / "clips" / "ImageSets").is_dir():
        setup = replace(setup, root=place / "clips")
    protocol, data = open_data(setup.root, place, setup.dataset, setup.split, setup.protocol, setup.seed)
    if not has_truth(data.videos):
        raise InputError(f"{data.root}: first masks only, so there is nothing to score; a study needs all masks")
    setup = replace(setup, root=setup.root or data.root)
    make_folder(out / RUNS)
    asked = {row.name: _asked(row, setup) for row in plan.rows if not row.obstacle}
    due = [row for row in plan.rows if row.name in asked and not _is_done(out, row, asked[row.name])]
    frames, failed = sum(len(video.frames) for video in data.videos), dict[str, str]()
    for number, row in enumerate(due):

        def told(done: int, count: int | None, video: str, number: int = number, row: Row = row) -> None:
            report(number * frames + done, len(due) * frames, f"run {number + 1} of {len(due)}, {row.name}: {video}")

        try:
            _do(out, row, setup, asked[row.name], told)
        except ScarceError as error:
            failed[row.name] = str(error)
    rows = [replace(row, obstacle=failed.get(row.name, row.obstacle)) for row in plan.rows]
    words = f"{data.root} ({data.layout}, split {data.split}), {len(data.videos)} videos"
    return Study(table, protocol, words, _outcomes(out, rows), plan.notes)


def _words(row: Row, setup: Setup) -> dict[str, Any]:
    """The arguments of a row's benchmark."""
    return {**vars(setup), **row.words}


def _asked(row: Row, setup: Setup) -> dict[str, Any]:
    """All that a run's figures depend on, in plain values."""
    words = {
        key: str(value.resolve()) if isinstance(value, Path) else value for key, value in _words(row, setup).items()
    }
    with find(words["model"]).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    plain: dict[str, Any] = json.loads(json.dumps({**words, "weights": digest, "longtake": longtake.__version__}))
    return plain


def _is_done(out: Path, row: Row, asked: Mapping[str, Any]) -> bool:
    """Whether a run is complete, and was made with the same settings."""
    folder = out / RUNS / row.folder
    try:
        return (folder / SCORES).is_file() and json.loads((folder / ASKED).read_text(encoding="utf-8")) == asked
    except (OSError, ValueError):
        return False


def _do(out: Path, row: Row, setup: Setup, asked: Mapping[str, Any], report: Report) -> None:
    """A run; what was asked for is written last, so that it says that the run is complete."""
    folder = make_folder(out / RUNS / row.folder)
    path = folder / ASKED
    with output(path):
        path.unlink(missing_ok=True)
    in_own_process(report, out=folder, **_words(row, setup))
    with output(path), whole(path) as partial:
        partial.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _outcomes(out: Path, rows: Sequence[Row]) -> list[Outcome]:
    runs = [None if row.obstacle else read_finished(out / RUNS / row.folder, row.name)[0] for row in rows]
    base = runs[0]
    outcomes = []
    for row, found in zip(rows, runs, strict=True):
        differs = None if found is None or base is None or found is base else difference(found.result, base.result)
        outcomes.append(Outcome(row, found, differs))
    return outcomes
