"""`longtake compare`, on scores made by hand."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scored
from longtake.errors import InputError
from longtake.evaluation.bootstrap import paired
from longtake.evaluation.compare import compare
from longtake.evaluation.correlation import correlation, correlations
from longtake.evaluation.finished import called, read_finished
from longtake.evaluation.results import ObjectResult
from longtake.evaluation.scoring import Track

Run = Callable[..., int]
BASE = {"a/1": scored.thing([0.5, 0.7], [0.4, 0.6]), "a/2": scored.thing([0.2, 0.2], [0.3, 0.3])}
BASE |= {"b/1": scored.thing([0.9, 1.0], [0.9, 1.0])}
BETTER = {"a/1": scored.thing([0.7, 0.7], [0.8, 0.8]), "a/2": scored.thing([0.1, 0.1], [0.3, 0.3])}
BETTER |= {"b/1": scored.thing([0.9, 1.0], [0.9, 1.0])}
OV = {"OV": {"videos": 1, "objects": 2, "J&F": 0.4, "J": 0.4, "F": 0.4}}
SPEED = {"frames_per_second": 4.0, "peak_memory_bytes": 2 * 10**9, "peak_memory_means": "resident", "device": "cpu"}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    more = {"attributes": {"a": ["OV"], "b": []}, "by_attribute": OV, "benchmark": SPEED}
    above = {"OV": {**OV["OV"], "J&F": 0.475}}
    faster = {**SPEED, "frames_per_second": 8.0}
    other = scored.write(tmp_path / "better", BETTER, **{**more, "by_attribute": above, "benchmark": faster})
    return scored.write(tmp_path / "base", BASE, **more), other


def test_figures_and_differences_by_hand(pair: tuple[Path, Path]) -> None:
    found = compare(pair)
    first, second = (run.result for run in found.runs)
    assert (first.name, second.name) == ("base", "better")
    assert first.totals["J"] == pytest.approx((0.6 + 0.2 + 0.95) / 3)
    assert first.totals["J&F"] == pytest.approx((0.55 + 0.25 + 0.95) / 3)
    gap = found.differences[0]
    assert gap.figures["J&F"] == pytest.approx((0.2 - 0.05 + 0) / 3)
    assert gap.intervals == paired(second.objects, first.objects) != {}
    assert (gap.better, gap.worse) == (1, 1)
    assert [(change.ours.name, round(change.gain, 3)) for change in found.changes(found.runs[1])] == [
        ("a/1", 0.2),
        ("b/1", 0),
        ("a/2", -0.05),
    ]
    assert found.attributes == ["OV"]


def test_compare_writes_what_it_shows(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, written, table = (tmp_path / f"page.{ending}" for ending in ("html", "json", "csv"))
    assert run("compare", *pair, "--html", html, "--json", written, "--csv", table) == 0
    shown = capsys.readouterr().out
    assert "better against base: J&F +0.0500" in shown and "1 objects better, 1 worse" in shown
    assert "most better: a/1 +0.200" in shown and "most worse: a/2 -0.050" in shown and "J&F, OV" in shown
    content = json.loads(written.read_text())
    assert content["runs"]["better"]["frames_per_second"] == 8 and content["base"] == "base"
    assert content["differences"]["better"]["global"]["J&F"] == pytest.approx(0.05)
    assert content["runs"]["base"]["by_attribute"]["OV"]["J&F"] == 0.4
    assert content["runs"]["base"]["correlation"]["J, F"] == pytest.approx(
        np.corrcoef([0.6, 0.2, 0.95], [0.5, 0.3, 0.95])[0, 1]
    )
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[0] == ["video", "id", "base", "better"] and rows[2] == ["a", "1", "0.550000", "0.750000"]
    page = html.read_text()
    assert "http" not in page and page.count("<svg") >= 5 and "+0.075" in page and "a/1: J 0.600, F 0.500" in page
    assert not list(tmp_path.glob(".*partial"))


def test_runs_that_evaluate_compared_are_runs_too(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "both.json"
    path.write_text(json.dumps(scored.content(BASE, run="x", other_runs={"y": {"objects": BETTER}})))
    assert run("compare", path) == 0
    assert "both: y against both: x: J&F +0.0500" in capsys.readouterr().out


def test_without_attributes_speed_and_intervals(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    one = [scored.write(tmp_path / name, {"a/1": BASE["a/1"]}) for name in ("one", "other")]
    assert run("compare", *one) == 0
    assert "other against one: J&F +0.0000 (no interval: too few videos)" in capsys.readouterr().out
    paths = [scored.write(tmp_path / name, BASE) for name in "xyz"]
    assert run("compare", *paths, "--html", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text()
    assert "by attribute" not in page and "FPS" not in page


def changed(name: str = "a/1", **parts: Any) -> dict[str, Any]:
    return {**BASE, name: {**BASE[name], **parts}}


@pytest.mark.parametrize(
    ("objects", "more", "line"),
    [
        (BASE, {"protocol": {"name": "lvos-v2"}}, "was scored by lvos-v2, "),
        (BASE, {"protocol": {"name": "davis2017", "repeats": ["x"]}}, "was scored by davis2017, as published, "),
        (BASE, {"protocol": {"name": "mine"}}, "mine is not a protocol of this version"),
        ({"a/1": BASE["a/1"]}, {}, "lacks a/2 and 1 differences more"),
        ({**BASE, "c/1": BASE["a/1"]}, {}, "has c/1 more, against"),
        (changed(group="seen"), {}, "has other frames or another group of a/1"),
        (changed(frames=["1", "2"]), {}, "compare runs of the same data and split"),
        (changed(frames=["1"]), {}, "has not one J and one F for each of its frames"),
        (changed(J=3), {}, "not what benchmark or evaluate writes (objects.a/1.J: "),
        (BASE, {"by_attribute": {"OV": {"videos": 2}}}, "(by_attribute.OV.objects: field required)"),
        ({"a": BASE["a/1"]}, {}, "not what benchmark or evaluate writes"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], objects: Any, more: Any, line: str
) -> None:
    base, other = scored.write(tmp_path / "base", BASE), scored.write(tmp_path / "other", objects, **more)
    assert run("compare", base, other, "--json", tmp_path / "out.json") == 1
    told = capsys.readouterr()
    assert line in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not (tmp_path / "out.json").exists()


def test_missing_single_and_repeated_runs_are_told(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("no json")
    for words, line in (
        ([pair[0], tmp_path / "none"], "none: no such file; give the folder of a finished benchmark"),
        ([pair[0], tmp_path], "scores.json: no such file"),
        ([pair[0], tmp_path / "text"], "not what benchmark or evaluate writes (the file: invalid json"),
        ([pair[0]], "one run alone; name those to compare it with"),
        ([pair[0], pair[0] / "scores.json"], "the same twice; give each once"),
        ([*pair, "--html", tmp_path / "nowhere/page.html"], "there is no folder"),
    ):
        assert run("compare", *words) == 1
        told = capsys.readouterr().err
        assert line in told and told.count("\n") == 1


def test_names_are_what_tells_paths_apart(tmp_path: Path) -> None:
    assert called([Path("default"), tmp_path / "a/model.safetensors", tmp_path / "b.x/scores.json"]) == [
        "default",
        "a",
        "b.x",
    ]
    assert called([tmp_path / "a/long/scores.json", tmp_path / "b/long"]) == ["a", "b"]


def test_a_number_that_is_none_is_read_as_not_a_number(tmp_path: Path) -> None:
    objects = changed(V=None)
    run = read_finished(scored.write(tmp_path / "run", objects), "run")[0]
    assert np.isnan(run.result.objects[0].figures["V"])
    assert np.isnan(correlations(run.result.objects)["J&F, V"])
    with pytest.raises(InputError, match="no such file"):
        read_finished(tmp_path / "nowhere", "run")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_correlation_is_numpys_or_none(points: list[tuple[float, float]]) -> None:
    things = [ObjectResult("v", i, "all", Track(), {"J": x, "F": y}) for i, (x, y) in enumerate(points)]
    r = correlation(things, "J", "F")
    assert np.isnan(r) or -1.000001 <= r <= 1.000001
    if len(points) < 3 or len({x for x, _ in points}) == 1:
        assert np.isnan(r)
