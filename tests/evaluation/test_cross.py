"""tools/cross.py: every model on every data set."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import datasets
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.zoo import preset

TOOL = Path(__file__).parents[2] / "tools" / "cross.py"
TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("cross", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "cross", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Two models that were never trained, DAVIS, and YouTube-VOS: a list of videos, and first masks alone."""
    files = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        files.append(tmp_path / f"{seed}.safetensors")
        card = Card("stm-mobilenet-v2", TINY)
        save_checkpoint(files[-1], preset("stm-mobilenet-v2", TINY).build().state_dict(), card)
    davis = datasets.davis(tmp_path / "davis", {"one": datasets.clip()})
    youtube = datasets.youtube_vos(tmp_path / "youtube", {"two": datasets.clip(late={2: 3})})
    shutil.copytree(youtube / "valid", youtube / "test")
    for mask in sorted((youtube / "test/Annotations/two").iterdir()):
        if mask.stem not in ("00000", "00015"):
            mask.unlink()
    late = datasets.clip(late={2: 3})[3]
    datasets.save(youtube / "test/Annotations/two/00015.png", late * (late == 2))
    said = [str(tmp_path / "out"), "--model", "pre-training only", str(files[0]), "--model", "DAVIS", str(files[1])]
    (tmp_path / "held.txt").write_text("two\n")
    said += ["--data", "davis2017", str(davis), "val"]
    said += ["--data", "youtube-vos", str(youtube / "valid"), str(tmp_path / "held.txt")]
    return [*said, "--data", "youtube-vos", str(youtube), "test"]


def call(tool: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cross.py", *words])
    tool.main()


def test_every_model_is_measured_on_every_data_set_once(
    tool: Any, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tool, words, monkeypatch)
    out, told = Path(words[0]), capsys.readouterr()
    assert told.err.splitlines() == [
        f"{model} on {data}"
        for model in ("pre-training only", "DAVIS")
        for data in ("davis2017-val", "youtube-vos-held", "youtube-vos-test")
    ]
    pairs = json.loads((out / "cross.json").read_text())
    for pair in pairs[:2]:
        scored = json.loads((out / "pre-training-only" / pair["data"] / "scores.json").read_text())
        assert {name: pair["figures"][name] for name in ("J&F", "J", "F")} == {
            name: scored["global"][name] for name in ("J&F", "J", "F")
        }
    assert [pair["protocol"] for pair in pairs[:3]] == ["davis2017", "youtube-vos-proxy", "youtube-vos-proxy"]
    assert pairs[2]["figures"] is None
    assert (out / "DAVIS/youtube-vos-test/predictions/two/00025.png").exists()
    head, _, first, second = (out / "cross.md").read_text().splitlines()
    assert head.startswith(
        "| trained on | davis2017-val J&F | davis2017-val J | davis2017-val F | youtube-vos-held J&F |"
    )
    assert first.startswith("| pre-training only | ")
    assert second.endswith("| not scored | not scored | not scored |")
    assert told.out == (out / "cross.md").read_text()

    shutil.copyfile(words[3], words[6])  # another model under the same name
    call(tool, words, monkeypatch)
    again = json.loads((out / "cross.json").read_text())
    assert all(line.startswith("DAVIS on ") for line in capsys.readouterr().err.splitlines())
    assert again[:3] == pairs[:3]
    assert [pair["figures"] for pair in again[3:]] == [pair["figures"] for pair in pairs[:3]]


def test_the_best_of_each_column_is_bold(tool: Any) -> None:
    pairs = [
        {"model": "a", "data": "d", "figures": {"J&F": 0.5, "J": 0.25, "F": 0.75}},
        {"model": "b", "data": "d", "figures": {"J&F": 0.625, "J": None, "F": 0.75}},
    ]
    assert tool.table(pairs).splitlines()[2:] == [
        "| a | 50.0 | **25.0** | **75.0** |",
        "| b | **62.5** | not scored | **75.0** |",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({3: "/nowhere.safetensors"}, "/nowhere.safetensors"),
        ({5: "pre-training  only"}, "--model: each needs a name of its own; twice: pre-training-only"),
        ({8: "imagenet"}, "--data imagenet: use davis2016, davis2017"),
        ({10: "none-such"}, "none-such"),
    ],
)
def test_what_does_not_do_is_told_before_anything_is_measured(
    change: dict[int, str], told: str, tool: Any, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for index, word in change.items():
        words[index] = word
    with pytest.raises(SystemExit) as stopped:
        call(tool, words, monkeypatch)
    assert told in str(stopped.value.code)
    assert not Path(words[0]).exists()


def test_a_table_that_is_none_is_kept(tool: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(words[0]).mkdir()
    (Path(words[0]) / "cross.json").write_text('{"other": 1}')
    with pytest.raises(SystemExit, match=r"cross\.json: not a table"):
        call(tool, words, monkeypatch)
    assert (Path(words[0]) / "cross.json").read_text() == '{"other": 1}'
