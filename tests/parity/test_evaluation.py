"""Every figure of the DAVIS 2017 and the LVOS toolkit on the same masks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Figures = dict[str, dict[str, dict[str, float]]]


@pytest.fixture
def figures(run: Callable[..., int], shared: Path, tmp_path: Path) -> Callable[..., Figures]:
    def score(protocol: str, annotations: str, predictions: str, *options: object) -> Figures:
        out = tmp_path / "figures.json"
        root = shared / "parity"
        words = ["--annotations", root / annotations, "--predictions", root / predictions, *options, "--json", out]
        assert run("evaluate", "--protocol", protocol, *words) == 0
        loaded: Figures = json.loads(out.read_text())
        return loaded

    return score


def test_davis_2017(figures: Callable[..., Figures], shared: Path) -> None:
    reference = json.loads((shared / "parity/davis/reference.json").read_text())
    found = figures("davis2017", "davis/davis", "davis/predictions")
    for name, value in reference["global"].items():
        assert found["global"][name.replace("-Mean", "").replace("-R", "_r").replace("-D", "_d")] == pytest.approx(
            value, abs=1e-9
        )
    assert len(found["objects"]) == len(reference["objects"])
    for name, wanted in reference["objects"].items():
        measures = found["objects"]["/".join(name.rsplit("_", 1))]
        for measure in ("J", "F"):
            stats = [measures[measure][key] for key in ("mean", "recall", "decay")]
            assert stats == pytest.approx(wanted[f"{measure.lower()}_stats"], abs=1e-9)
            assert measures[measure]["per_frame"] == pytest.approx(wanted[measure.lower()], abs=1e-9)


@pytest.mark.parametrize("folder", ["lvos", "lvos/valid"])
def test_lvos(figures: Callable[..., Figures], shared: Path, folder: str) -> None:
    reference = json.loads((shared / "parity/lvos/reference.json").read_text())
    unseen = shared / "parity/lvos/unseen_videos.txt"
    found = figures("lvos-v2", folder, "lvos/predictions", "--as-published", "--unseen", unseen)
    for name, value in reference["global"].items():
        assert found["global"][name] == pytest.approx(value, abs=1e-9)
    assert len(found["objects"]) == len(reference["objects"])
    for name, wanted in reference["objects"].items():
        measures = found["objects"][name]
        assert measures["V"] == pytest.approx(wanted["v"], abs=1e-9)
        for measure in ("J", "F"):
            assert measures[measure]["per_frame"] == pytest.approx(wanted[measure.lower()], abs=1e-9)


def test_lvos_versions_differ_by_the_two_end_frames(figures: Callable[..., Figures]) -> None:
    newer = figures("lvos-v2", "lvos", "lvos/predictions")["objects"]
    older = figures("lvos-v1", "lvos", "lvos/predictions")["objects"]
    assert newer.keys() == older.keys()
    for name, measures in older.items():
        assert measures["frames"][1:-1] == newer[name]["frames"]
        assert measures["J"]["per_frame"][1:-1] == newer[name]["J"]["per_frame"]
