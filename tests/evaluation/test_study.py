"""`longtake study`: tables by one command, resumed where they stopped."""

import csv
import dataclasses
import inspect
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import datasets
import scored
from longtake.errors import LongtakeError, ScarceError, SettingError
from longtake.evaluation import separate, study_rows
from longtake.evaluation.benchmark import benchmark
from longtake.evaluation.finished import read_finished
from longtake.evaluation.protocols import find_protocol
from longtake.evaluation.report.table import as_json, as_markdown, write_table
from longtake.evaluation.separate import in_own_process
from longtake.evaluation.study import Outcome, Setup, Study, study
from longtake.evaluation.study_rows import Row, rows_of
from longtake.memory.policy import parse_policy
from longtake.systems.checkpoint import Card, read_card, save_checkpoint
from longtake.systems.zoo import ZOO, preset

Run = Callable[..., int]
Put = Callable[..., "Here"]
COMPACT = [name for name in ZOO if name.endswith("mobilenet-v2")]


def tiny(name: str, folder: Path) -> str:
    """An untrained checkpoint."""
    base, small = ZOO[name], ZOO[name].tiny()
    fields = [field.name for field in dataclasses.fields(base)]  # type: ignore[arg-type]
    options = {key: getattr(small, key) for key in fields if getattr(small, key) != getattr(base, key)}
    torch.manual_seed(0)
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, small.build().state_dict(), Card(name, options))
    return str(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return datasets.davis(tmp_path / "data", {"cup": datasets.clip(4, (1, 2)), "dog": datasets.clip(3, (1,))})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., "Here"]:
    """Takes the place of what starts processes."""

    def put(stop: str = "", error: BaseException | None = None) -> Here:
        made = Here(stop, error)
        monkeypatch.setattr("longtake.evaluation.study.in_own_process", made)
        return made

    return put


class Here:
    """Runs that are made up in this process; which ran, by the name of their folder. Stops in the middle of one."""

    def __init__(self, stop: str = "", error: BaseException | None = None) -> None:
        self.ran, self.stop, self.error = list[str](), stop, error or KeyboardInterrupt()

    def __call__(self, report: Callable[[int, int | None, str], None], **words: Any) -> None:
        inspect.signature(benchmark).bind(**words, report=report)
        for done, video in enumerate(("cup",) * 4 + ("dog",) * 3, start=1):
            report(done, 7, video)
            if words["out"].name == self.stop and done == 2:
                raise self.error
        j = 0.5 + 0.01 * len(self.ran)
        objects = {name: scored.thing([j, j], [0.3, 0.5]) for name in ("cup/1", "cup/2", "dog/1")}
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in words.items()}
        (words["out"] / "scores.json").write_text(json.dumps(scored.content(objects, benchmark=plain)))
        self.ran.append(words["out"].name)


def test_oracles_are_interrupted_and_resumed(root: Path, tiny_model: Path, tmp_path: Path, here: Put) -> None:
    out, models, setup = tmp_path / "out", [str(tiny_model)], Setup(root=root)
    first = here(stop="mask")
    with pytest.raises(KeyboardInterrupt):
        study("oracle", out, models, setup)
    assert first.ran == ["none", "box"]
    second, told = here(), list[tuple[int, int | None, str]]()
    found = study("oracle", out, models, setup, report=lambda *words: told.append(words))
    assert second.ran == ["mask", "both"]
    assert told[0] == (1, 14, "run 1 of 2, mask: cup") and told[-1] == (14, 14, "run 2 of 2, both: dog")
    assert [each.row.told for each in found.outcomes] == [
        {"box": "", "mask": ""},
        {"box": "yes", "mask": ""},
        {"box": "", "mask": "yes"},
        {"box": "yes", "mask": "yes"},
    ]
    for each in found.outcomes:
        content = json.loads((out / "runs" / each.row.folder / "scores.json").read_text())
        assert each.run is not None and each.run.result.totals["J"] == pytest.approx(
            content["objects"]["cup/1"]["J"]["mean"]
        )
        assert content["benchmark"]["model"] == models[0] and content["benchmark"]["root"] == str(root)
        assert content["benchmark"]["oracle"] == (None if each.row.name == "none" else each.row.name)
    again = here()
    assert as_json(study("oracle", out, models, setup)) == as_json(found) and again.ran == []
    study("oracle", out, models, dataclasses.replace(setup, size=64))
    assert again.ran == ["none", "box", "mask", "both"]
    torch.manual_seed(1)
    card = read_card(tiny_model)
    save_checkpoint(tiny_model, preset(card.preset, card.options).build().state_dict(), card)
    study("oracle", out, models, dataclasses.replace(setup, size=64))
    assert again.ran == ["none", "box", "mask", "both"] * 2


def test_ablation_of_ddmemory_switches_its_banks(root: Path, tmp_path: Path, here: Put) -> None:
    runs = here()
    found = study("ablation", tmp_path / "out", [tiny("ddmemory-mobilenet-v2", tmp_path)], Setup(root=root))
    assert runs.ran == ["r-g-l", "r", "g", "l", "r-g", "r-l", "g-l"]
    switched = [each.row.told["switched"] for each in found.outcomes]
    assert switched[:2] == ["memory=[reference,global,local]", "memory=[reference]"]
    alone = json.loads((tmp_path / "out/runs/r/scores.json").read_text())["benchmark"]
    assert alone["settings"] == {"memory": ["reference"]} and alone["surplus"]
    assert found.outcomes[0].against is None
    assert all(each.against is not None for each in found.outcomes[1:])


@pytest.mark.parametrize("name", COMPACT)
def test_rows_that_need_weights_of_their_own_are_told(name: str, tmp_path: Path) -> None:
    rows = rows_of("ablation", [tiny(name, tmp_path)], {}, "auto").rows
    assert not rows[0].obstacle
    left = [row.name for row in rows if row.obstacle]
    assert left == {
        "dtmnet-mobilenet-v2": ["DTMNet-S"],
        "lstnet-mobilenet-v2": ["STN_free"],
        "dmn-aoa-mobilenet-v2": ["A5 without matcher"],
    }.get(name, [])
    assert all("needs weights trained for it" in row.obstacle for row in rows if row.obstacle)


@pytest.mark.parametrize("name", ZOO)
def test_every_row_of_every_ablation_is_a_setting(name: str) -> None:
    base = ZOO[name]
    ablation = base.ablation()
    assert ablation is not None and base.bank in ("A", "C", "F+P")
    for variant in ablation.variants:
        assert variant.memory == "auto" or parse_policy(variant.memory)
        assert preset(name, variant.settings)


def test_a_row_without_memory_for_it_is_told_and_the_rest_go_on(
    root: Path, tiny_model: Path, tmp_path: Path, here: Put
) -> None:
    runs = here(stop="first", error=ScarceError("too little memory"))
    found = study("ablation", tmp_path / "out", [str(tiny_model)], Setup(root=root))
    assert runs.ran == ["every-5-frames", "previous", "first-and-previous"]
    assert [each.row.obstacle for each in found.outcomes] == ["", "too little memory", "", ""]
    assert "first was not run: too little memory" in as_markdown(found)


def test_systems_side_by_side_growing_ones_capped_too(
    root: Path, tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [str(tiny_model), tiny("ddmemory-mobilenet-v2", tmp_path), tiny("dmn-aoa-mobilenet-v2", tmp_path)]
    rows = rows_of("systems", models, {}, "auto").rows
    assert [(row.name, row.told["memory"]) for row in rows] == [
        ("tiny", "A"),
        ("tiny lvos:5:6", "A"),
        ("ddmemory-mobilenet-v2", "C"),
        ("dmn-aoa-mobilenet-v2", "A"),
        ("dmn-aoa-mobilenet-v2 lvos:5:6", "A"),
    ]
    assert rows[1].words["memory"] == "lvos:5:6"
    assert [row.words.get("proposals", "all") for row in rows] == [None, None, None, "all", "all"]


def test_a_capped_memory_may_be_chosen_where_memory_grows(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("segment", folder_clip[0], "--masks", folder_clip[1] / "0.png", "--memory", "lvos:1:3")
    assert run(*words, "--model", tiny_model, "--out", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out/run.json").read_text())["memory"] == "Capped(interval=1, maximum=3)"
    assert run(*words, "--model", tiny("ddmemory-mobilenet-v2", tmp_path), "--out", tmp_path / "fixed") == 1
    assert "has a fixed memory and takes no memory policy" in capsys.readouterr().err


def test_the_command_writes_the_table_in_processes_of_their_own(
    root: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("study", "systems", root, "--model", tiny("ddmemory-mobilenet-v2", tmp_path), "--out", out) == 0
    shown = capsys.readouterr().out
    assert "F+P first and previous frame" in shown and "ddmemory-mobilenet-v2" in shown
    content = json.loads((out / "table.json").read_text())
    scores = json.loads((out / "runs/ddmemory-mobilenet-v2/scores.json").read_text())
    row = content["rows"][0]
    assert row["J&F"] == pytest.approx(scores["global"]["J&F"]) and row["memory"] == "C"
    assert row["FPS"] > 0 and row["GB"] > 0 and row["folder"] == "runs/ddmemory-mobilenet-v2"
    assert {path.name for path in out.iterdir()} == {"runs", *(f"table.{end}" for end in ("json", "csv", "md", "html"))}


def test_an_interrupted_command_is_status_130(
    root: Path, tiny_model: Path, tmp_path: Path, run: Run, here: Put
) -> None:
    here(stop="box")
    words = ("study", "oracle", root, "--model", tiny_model, "--out", tmp_path / "out")
    assert run(*words) == 130
    assert (tmp_path / "out/runs/none/scores.json").is_file() and not (tmp_path / "out/table.json").exists()
    rest = here()
    assert run(*words) == 0 and rest.ran == ["box", "mask", "both"]


def test_what_stops_a_process_is_told_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LongtakeError, match="nowhere: no such folder"):
        in_own_process(lambda *words: None, root=tmp_path / "nowhere", out=tmp_path / "out")

    def scarce(**words: Any) -> None:
        words["report"](1, 2, "cup")
        raise ScarceError("little")

    monkeypatch.setattr(separate, "benchmark", scarce)
    monkeypatch.setattr(separate.signal, "signal", lambda *words: None)
    here, there = multiprocessing.Pipe(duplex=False)
    separate._work(there, {})
    assert [here.recv(), here.recv()] == [("frame", (1, 2, "cup")), ("scarce", "little")]


def test_a_table_by_hand(tmp_path: Path) -> None:
    low, high = scored.thing([0.2, 0.4], [0.4, 0.6]), scored.thing([0.6, 0.8], [0.8, 1.0])
    more = {"protocol": {"name": "lvos-plain"}, "attributes": {"a": ["OV"], "b": ["OV"]}}
    outcomes = []
    for name, objects in (("low", {"a/1": low, "b/1": low}), ("hi|gh", {"a/1": high, "b/1": high})):
        attribute = {"OV": {"videos": 2, "objects": 2, "J&F": 0.25 if name == "low" else 0.75, "J": 0.2, "F": 0.3}}
        facts = {"frames_per_second": 12.5, "peak_memory_bytes": 1_500_000_000}
        folder = scored.write(tmp_path / name, objects, by_attribute=attribute, benchmark=facts, **more)
        outcomes.append(Outcome(Row(name, {}, {"kept": "all"}), read_finished(folder, name)[0]))
    outcomes.append(Outcome(Row("none", {}, {"kept": "no"}, "it cannot"), None))
    made = Study("systems", find_protocol("lvos-plain"), "data", outcomes, ["a note"])
    assert as_markdown(made).splitlines() == [
        "| run | kept | FPS | GB | J&F | J | F | V | J&F gain | OV |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| low | all | 12.50 | 1.50 | 0.400 | 0.300 | 0.500 | 0.100 | – | 0.250 |",
        "| hi\\|gh | all | 12.50 | 1.50 | 0.800 | 0.700 | 0.900 | 0.100 | – | 0.750 |",
        "| none | no | – | – | – | – | – | – | – | – |",
        "",
        "- lvos-plain on data; FPS: frames per second; GB: peak memory; gain: on the first row",
        "- a note",
        "- none was not run: it cannot",
    ]
    assert [row["not_run"] for row in as_json(made)["rows"]] == [None, None, "it cannot"]
    write_table(tmp_path, made)
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert (rows[1]["J&F"], rows[2]["J&F"], rows[2]["not run"]) == ("0.800000", "", "it cannot")
    page = (tmp_path / "table.html").read_text()
    assert "http" not in page and "it cannot" in page and page.count("<circle") == 2
    json.loads((tmp_path / "table.json").read_text())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["words"], "study words: use oracle, ablation, systems"),
        (["oracle", "--model", "default", "--model", "default"], "it is about one model; give --model once"),
        (["systems", "--memory", "all"], "leave --set and --memory out"),
        (["systems", "--set", "model.given=3"], "leave --set and --memory out"),
        (["systems", "--model", "default", "--model", "default"], "default: the same twice; give each once"),
        (["ablation", "--model", "stm-resnet50"], "a preset without bundled weights; add --weights FILE"),
        (["oracle", "--dataset", "davis"], "davis: use davis2016"),
        (["oracle"], "first masks only, so there is nothing to score"),
        (["oracle", "--split", "nobody"], "nobody"),
    ],
)
def test_study_says_what_is_wrong(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    root = datasets.davis(tmp_path / "data", {"cup": datasets.clip(2, (1,))})
    (root / "Annotations/480p/cup/00001.png").unlink()
    assert run("study", *words, root, "--out", tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1
    assert not (tmp_path / "out/runs").exists()


def test_a_system_without_ablation_and_models_of_one_name_are_told(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = tmp_path / "TINY.safetensors"
    twin.write_bytes(tiny_model.read_bytes())
    with pytest.raises(SettingError, match="would share a folder"):
        rows_of("systems", [str(tiny_model), str(twin)], {}, "auto")
    monkeypatch.setattr(type(ZOO["stm-mobilenet-v2"]), "ablation", lambda self: None)
    with pytest.raises(SettingError, match="names no ablation"):
        study_rows.rows_of("ablation", [str(tiny_model)], {}, "auto")
