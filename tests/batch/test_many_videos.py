"""Many videos, some of them broken, by processes of this machine."""

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.batch import local, work
from longtake.batch.manifest import Job
from longtake.batch.work import Outcome, sort_out
from longtake.errors import OutputError

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
Run = Callable[..., int]


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "report.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("labels/*.png")}


def test_good_ones_are_done_bad_ones_named_and_a_second_call_does_nothing(
    manifest: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["batch", manifest, "--out", out, "--workers", 2, "--save", ""]
    assert run(*words) == 1
    told = capsys.readouterr()
    assert "3 done, 2 failed" in told.out
    assert "missing: " in told.err
    assert "no such file or folder" in told.err
    rows = table(out)
    assert list(rows) == ["0", "1", "2", "missing", "unmasked"]
    assert [row["state"] for row in rows.values()] == ["done"] * 3 + ["failed"] * 2
    assert rows["0"]["frames"] == "5"
    assert sorted(path.name for path in out.iterdir()) == ["0", "1", "2", "report.csv"]
    seen = {path: path.stat().st_mtime_ns for path in out.rglob("*/*")}
    assert run(*words) == 1
    assert "0 done, 3 done before, 2 failed" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*/*")} == seen


def test_other_programs_files_lie_in_every_folder(manifest: Path, tmp_path: Path, run: Run) -> None:
    run("batch", manifest, "--out", tmp_path / "out", "--workers", 1, "--save", "coco,cvat,yolo,matte")
    for name in "012":
        there = {path.name for path in (tmp_path / "out" / name).iterdir()}
        assert {"coco.json", "cvat.xml", "yolo", "matte.mov", "labels"} <= there
    assert run("export", tmp_path / "out", "--to", "ytvis", "--out", tmp_path / "y.json") == 0
    assert [video["name"] for video in json.loads((tmp_path / "y.json").read_text())["videos"]] == ["0", "1", "2"]


def test_a_video_of_a_batch_is_what_segment_makes_of_it(manifest: Path, tmp_path: Path, run: Run) -> None:
    words, alone = ["--save", "", "--precision", "float32"], tmp_path / "alone"
    run("batch", manifest, "--out", tmp_path / "out", "--workers", 1, *words)
    run("segment", tmp_path / "1.mp4", "--masks", tmp_path / "1.png", "--out", alone, *words)
    assert len(contents(alone)) == 5
    assert contents(tmp_path / "out/1") == contents(alone)


def job(folder: Path, name: str = "0", **settings: Any) -> Job:
    return Job(source=str(folder / "0.mp4"), masks=folder / "0.png", name=name, save="", **settings)


def test_a_folder_of_other_settings_or_of_somebody_else_is_left_alone(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert work.work(job(tmp_path), out).state == "done"
    (out / "mine").mkdir()
    (out / "mine/notes.txt").touch()
    (out / "torn").mkdir()
    (out / "torn/job.json").write_text("{")
    known, left = sort_out(
        [job(tmp_path), job(tmp_path, size=32), job(tmp_path, "mine"), job(tmp_path, "torn"), job(tmp_path, "new")], out
    )
    assert [outcome.state for outcome in known] == ["before", "failed", "failed", "failed"]
    for outcome, words in zip(known[1:], ["other settings", "no batch's", "cannot be read"], strict=True):
        assert words in outcome.message
    assert [each.name for each in left] == ["new"]


def test_a_full_disk_ends_the_batch_and_what_is_done_stays(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> int:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise OutputError("labels/0.png: cannot be written") from error

    monkeypatch.setattr(work, "segment", full)
    outcome = work.work(job(tmp_path), tmp_path / "out")
    assert outcome == Outcome("0", "failed", message="labels/0.png: cannot be written", full=True)
    assert not any((tmp_path / "out").iterdir())


class Pool:
    """Stands for a process: its fate by the number of the job."""

    fates: dict[str, Iterator[str]]
    made = 0

    def __init__(self, *_: Any) -> None:
        Pool.made += 1

    def submit(self, _: Any, job: Job, out: Path) -> "Pool":
        self.name = job.name
        return self

    def result(self) -> Outcome:
        fate = next(Pool.fates[self.name])
        if fate == "killed":
            raise local.BrokenProcessPool
        return Outcome(self.name, "failed" if fate == "full" else "done", full=fate == "full")

    def shutdown(self) -> None:
        pass


@pytest.mark.parametrize(
    ("fates", "states"),
    [
        ({"a": ["killed", "done"], "b": ["done"]}, {"a": "done", "b": "done"}),
        ({"a": ["killed", "killed"], "b": ["done"]}, {"a": "failed", "b": "done"}),
        ({"a": ["full"], "b": ["done"]}, {"a": "failed"}),
    ],
)
def test_killed_processes_and_full_disks(
    fates: dict[str, list[str]], states: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ProcessPoolExecutor", Pool)
    Pool.fates = {name: iter(each) for name, each in fates.items()}
    jobs = [Job(source="x", masks=Path("x"), name=name) for name in fates]
    outcomes = list(local.run(jobs, tmp_path, 1))
    assert {outcome.name: outcome.state for outcome in outcomes} == states


def test_a_worker_that_is_killed_gets_a_successor(manifest: Path, tmp_path: Path) -> None:
    """A real one, by the system, while it works."""
    out, killed = tmp_path / "out", list[int]()
    jobs = [job(tmp_path, str(number)) for number in range(3)]

    def kill() -> None:
        import multiprocessing

        others = set(multiprocessing.active_children())
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for child in set(multiprocessing.active_children()) - others:
                if any(out.glob(".*.partial")) and child.pid is not None:
                    os.kill(child.pid, signal.SIGKILL)
                    killed.append(child.pid)
            time.sleep(0.001)

    thread = threading.Thread(target=kill)
    thread.start()
    outcomes = list(local.run(jobs, out, 1))
    thread.join()
    assert killed
    assert [outcome.state for outcome in outcomes] == ["done"] * 3
    assert sorted(path.name for path in out.iterdir()) == ["0", "1", "2"]
    assert all(json.loads((out / name / "job.json").read_text())["frames"] == 5 for name in "012")


def test_wrong_words(manifest: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--engine", "slurm"], ["--address", "auto"]):
        assert run("batch", manifest, "--out", tmp_path / "out", *words) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
