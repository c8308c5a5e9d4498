import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from longtake.cli.listed import wrapped
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.licences import friendly, obstacles
from longtake.systems.models import bundled
from longtake.systems.zoo import ZOO, preset
from offered import install_example, offer

Run = Callable[..., int]
Told = pytest.CaptureFixture[str]

FREE = {"clips of mine": "CC0-1.0", "photographs": "CC BY 4.0"}


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Path) -> Path:
    """Checkpoints of three kinds, one of them in a folder of its own, and files that are none."""
    folder = tmp_path / "runs"
    (folder / "a").mkdir(parents=True)
    options = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}
    weights = preset("stm-mobilenet-v2", options).build().state_dict()
    card = Card("stm-mobilenet-v2", options, "MIT", FREE, figures={"J&F": 0.5, "J": {"dog": 0.75}})
    save_checkpoint(folder / "a" / "free.safetensors", weights, card)
    research = Card("stm-mobilenet-v2", options, "MIT", FREE | {"others": "non-commercial research"})
    save_checkpoint(folder / "research.safetensors", weights, research)
    shutil.copy(tiny_model, folder / "bare.safetensors")
    (folder / "cut.safetensors").write_bytes(tiny_model.read_bytes()[:1000])
    (folder / "notes.txt").write_text("no checkpoint")
    return folder


def test_every_checkpoint_is_listed_with_data_licences_and_figures(folder: Path, run: Run, capfd: Told) -> None:
    assert run("models", "list", "--in", folder) == 0
    out, err = capfd.readouterr()
    blocks = {block.splitlines()[0]: " ".join(block.split()) for block in out.split("\n\n")}
    assert [*bundled(), str(folder / "a" / "free.safetensors")] == list(blocks)[:3]
    free = blocks[str(folder / "a" / "free.safetensors")]
    assert "figures: J&F 0.500" in free
    assert "licence of the weights: MIT" in free
    assert "- clips of mine: CC0-1.0 - photographs: CC BY 4.0" in free
    assert "data: not stated" in blocks[str(folder / "bare.safetensors")]
    assert "stm-resnet50: 38.9 M parameters" in list(blocks.values())[-1]
    assert "stm-mobilenet-v2:" not in list(blocks.values())[-1]
    (line,) = err.splitlines()
    assert "cut.safetensors: not a readable safetensors file" in line


def test_for_products_the_rest_is_left_out_with_reasons(folder: Path, run: Run, capfd: Told) -> None:
    assert run("models", "list", "--in", folder, "--commercial") == 0
    blocks = {block.splitlines()[0]: block.splitlines()[1:] for block in capfd.readouterr().out.strip().split("\n\n")}
    products, free = "stm-mobilenet-v2-products", str(folder / "a" / "free.safetensors")
    assert {name for name in blocks if not name.startswith("left out: ")} == {products, free}
    assert blocks[f"left out: {folder / 'research.safetensors'}"] == ["  - others: non-commercial research"]
    bare = ["  - the weights: not stated", "  - its card names no data"]
    assert blocks[f"left out: {folder / 'bare.safetensors'}"] == bare
    assert any("DAVIS" in line for line in blocks["left out: stm-mobilenet-v2"])


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("Apache-2.0", True),
        ("apache 2.0", True),
        ("Apache-2.0, as longtake", True),
        ("CC BY 4.0", True),
        ("MIT", True),
        ("Apache-2.0, but not for sale", False),
        ("CC BY-NC 4.0", False),
        ("CC BY-SA 4.0", False),
        ("repository Apache-2.0; rights of the photographs not stated", False),
        ("not stated", False),
        ("", False),
    ],
)
def test_only_what_is_known_to_allow_it_does(licence: str, allowed: bool) -> None:
    assert friendly(licence) == allowed
    assert (obstacles(Card("p", {}, licence, {"a": "MIT"})) == []) == allowed
    assert (obstacles(Card("p", {}, "MIT", {"a": "MIT", "b": licence})) == []) == allowed


def test_a_narrow_terminal_cuts_no_name(monkeypatch: pytest.MonkeyPatch, run: Run, capfd: Told) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert run("models", "list") == 0
    out = capfd.readouterr().out
    assert all(name in out for name in ZOO)
    assert all(len(line) <= 30 or len(line.split()) <= 2 for line in out.splitlines())


@pytest.mark.parametrize("columns", [1, 44, 80, 200])
def test_lines_are_as_long_as_the_terminal_is_wide(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = wrapped("a word and " * 40, "- ", "  ").splitlines()
    longest = max(map(len, lines))
    assert min(100, max(24, columns)) - 5 < longest <= min(100, max(24, columns))
    assert " ".join(" ".join(lines).split()) == "- " + ("a word and " * 40).strip()


def test_systems_of_other_packages_stand_with_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, capfd: Told
) -> None:
    packages = install_example(tmp_path / "packages")
    offer(packages, "broken-thing", {"broken": "absent_module:PRESET", "stm-resnet50": "absent_module:PRESET"})
    monkeypatch.syspath_prepend(str(packages))
    assert run("models", "list") == 0
    out, err = capfd.readouterr()
    told = " ".join(out.split())
    assert "label-propagation: 3.0 M parameters, of the package longtake-label-propagation" in told
    assert "preset broken: the package broken-thing that offers it does not work (ModuleNotFoundError" in told
    assert "stm-resnet50: 38.9 M parameters" in told
    assert err == ("longtake: preset stm-resnet50 is longtake's own; that of the package broken-thing is not used\n")


def test_a_folder_that_is_none_gives_one_line(tmp_path: Path, run: Run, capfd: Told) -> None:
    assert run("models", "list", "--in", tmp_path / "none") == 1
    assert capfd.readouterr().err == f"longtake: --in {tmp_path / 'none'}: no such folder\n"


def test_the_whole_card_is_shown(folder: Path, run: Run, capfd: Told) -> None:
    assert run("models", "show", folder / "research.safetensors") == 0
    shown = capfd.readouterr().out
    assert all(
        word in shown for word in ("preset: stm-mobilenet-v2", "licence: MIT", "others: non-commercial research")
    )


def test_a_licence_is_told_once_for_each_checkpoint(
    folder: Path,
    folder_clip: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    capfd: Told,
) -> None:
    frames, masks = folder_clip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copied = shutil.copy(folder / "research.safetensors", tmp_path / "copied.safetensors")

    def lines(out: str, *words: object) -> list[str]:
        assert run("segment", frames, "--masks", masks / "0.png", "--out", tmp_path / out, *words) == 0
        return [line for line in capfd.readouterr().err.splitlines() if "licence" in line]

    (line,) = lines("1", "--model", folder / "research.safetensors")
    assert line.startswith("longtake: licence of the weights research.safetensors: MIT (said once")
    assert f"longtake models show {folder / 'research.safetensors'})" in line
    assert lines("2", "--model", folder / "research.safetensors") == []
    assert lines("3", "--weights", copied) == []
    assert len(lines("4", "--model", folder / "bare.safetensors")) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert len(lines("5", "--model", folder / "bare.safetensors")) == 1
