"""Every command line of the documents is run, in a folder that has what they name."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import world
from documented import Line, command_lines, documents, mentions, name_of, script
from longtake.data.longsynth import write_longsynth
from longtake.data.rendered import SETS
from longtake.evaluation.benchmark import benchmark
from longtake.systems.zoo import ZOO
from longtake.training.parse import load_recipe
from offered import install_example

Run = Callable[..., int]

NOT_RUN = {
    r"segment (0|rtsp://camera/stream) .*": "no camera is there",
    r"models convert .*": "the authors' weights are not there",
    r"propose .* --detector maskrcnn.pth .*": "a detector's weights are not there",
    r"segment .* --backend onnx|models export .*": "takes fifteen seconds; tests/export/test_onnx.py does it",
}
"""Command lines that cannot be run here, and why."""

SMALLER = {
    r"(benchmark|study) (?!.*--size).*": ["--size", "32"],
    r"synth .*": ["--frames", "60"],
    r"segment src/longtake/demo/clip.mp4 .*": ["--end", "#2"],
    r"segment (?!.*--size).*": ["--size", "96"],
    r"batch .*": ["--size", "96", "--workers", "1"],
}
"""What is added to command lines so that they end soon."""

PRELUDES = {
    "README.md": """
import numpy as np
from longtake.video.sources import open_source
image, next_image, third_image = [frame.image for frame in open_source(__import__("pathlib").Path("holiday.mp4"))][:3]
mask = other_mask = better_mask = np.pad(np.ones((200, 100), bool), ((60, 60), (100, 184)))
better = {1: mask}
"""
}
"""What a page's Python takes for granted."""

PAGES = [path for path in documents() if command_lines(path)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A world; but for the bundled model's, presets are their tiny variants; what longtake renders is small, too.

    Batches and studies stay in this process.
    """
    root = tmp_path_factory.mktemp("documents") / "world"
    bundled = SimpleNamespace(resources=SimpleNamespace(files=lambda package: root / "bundled"))
    with pytest.MonkeyPatch.context() as patch:
        for name, preset in ZOO.items():
            if name != "stm-mobilenet-v2":
                patch.setitem(ZOO, name, preset.tiny())
        for name, rendered in SETS.items():
            few = dict(list(rendered.clips.items())[:2])
            patch.setitem(SETS, name, replace(rendered, clips=few, frames=4))
        patch.setattr("longtake.cli.demo.importlib", bundled)
        short = partial(write_longsynth, frames=60, size=(64, 64))
        patch.setattr("longtake.evaluation.benchmark.write_longsynth", short)
        patch.setattr("longtake.evaluation.study.in_own_process", lambda report, **how: benchmark(**how, report=report))
        patch.setattr("longtake.batch.local.ProcessPoolExecutor", lambda count, *_: ThreadPoolExecutor(count))
        yield world.make(root)


@pytest.fixture
def place(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world of one's own, as the current folder, with the data that commands look for beside it."""
    shutil.copytree(template, tmp_path / "world", symlinks=True, copy_function=linked)
    for name in ("shared/data/davis2016", "world/davis2016"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(tmp_path / "world/DAVIS")
    monkeypatch.chdir(tmp_path / "world")
    return tmp_path / "world"


def linked(source: str, target: str) -> None:
    """Large files, which nobody writes into, are not copied."""
    (os.link if source.endswith((".pth", ".safetensors")) else shutil.copy)(source, target)


def reason(line: Line) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, " ".join(line.words))), None)


def short(words: list[str]) -> list[str]:
    """Settings with which a recipe ends soon."""
    recipe = load_recipe(words[1], {})
    side = 65 if "ddmemory" in recipe.model else 64
    settings = ["workers=0", "precision=float32"]
    settings += ["validation.split=val"] if "--validate" in words else ["validation=null"]
    for k, _ in enumerate(recipe.stages):
        shape = f"[{{frames: 3, side: {side}, objects: 1}}]"
        settings += [f"stages.{k}.steps=1", f"stages.{k}.batch=1", f"stages.{k}.shapes={shape}"]
    return [part for setting in settings for part in ("--set", setting)]


def prepared(words: list[str]) -> list[str]:
    """The words with what makes them end soon, and room made for what they write."""
    said = " ".join(words)
    if words[0] == "train" and "--resume" not in words and "--list" not in words:
        words = [*words, *short(words)]
    for pattern, more in SMALLER.items():
        words = [*words, *(more if re.fullmatch(pattern, said) else [])]
    if "--out" in words and "--resume" not in words and words[0] != "batch":
        out = Path(words[words.index("--out") + 1])
        shutil.rmtree(out, ignore_errors=True) if out.is_dir() else out.unlink(missing_ok=True)
    return words


def served(words: list[str], run: Run) -> int:
    """Start a server, ask it once, and stop it by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers, over = list[int](), threading.Event()

    def ask() -> None:
        while not over.wait(0.05) and not answers:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
            except urllib.error.HTTPError as refused:  # without the token
                answers.append(refused.code)
                os.kill(os.getpid(), signal.SIGINT)
            except OSError:
                continue

    asking = threading.Thread(target=ask)
    asking.start()
    with no_loop():
        status = run(*words, "--port", port)
    over.set()
    asking.join()
    assert answers in ([401], [403])
    return 0 if status == 130 else status


@contextlib.contextmanager
def no_loop() -> Iterator[None]:
    """As if no event loop ran in this thread: Playwright leaves one in that of the tests."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_command_lines_run(
    page: Path, place: Path, run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install_example(place / "installed")
    monkeypatch.syspath_prepend(place / "installed")
    if page.name == "plugin.md":
        shutil.copy(world.ROOT / "examples/sixth_system/recipe.yaml", place / "recipe.yaml")
    for line in command_lines(page):
        if reason(line):
            continue
        words = prepared(line.words)
        status = served(words, run) if words[0] == "annotate" else run(*words)
        said = capfd.readouterr()
        assert status == 0, f"{line.place}: longtake {line.text}\n{said.out}\n{said.err}"


def test_what_is_not_run_is_in_the_documents() -> None:
    lines = [line for page in PAGES for line in command_lines(page)]
    for pattern in NOT_RUN:
        assert any(re.fullmatch(pattern, " ".join(line.words)) for line in lines), pattern


def test_commands_and_options_that_are_mentioned_exist(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    helps = dict[str, str]()
    for page in documents():
        for words in mentions(page):
            named = [words[0], *(words[1:2] if words[0] == "models" else [])]
            if words[0].startswith("-"):
                continue
            if " ".join(named) not in helps:
                assert run(*named, "--help") == 0, f"{name_of(page)}: longtake {' '.join(words)}"
                helps[" ".join(named)] = capsys.readouterr().out
            for word in words:
                if word.startswith("--"):
                    assert re.search(rf"{word}\b", helps[" ".join(named)]), f"{name_of(page)}: {' '.join(words)}"


@pytest.mark.parametrize("page", [path for path in documents() if script(path)], ids=name_of)
def test_python_runs(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(world.ROOT / "examples/sixth_system")
    exec(compile(PRELUDES.get(name_of(page), "") + script(page), name_of(page), "exec"), {"__name__": "page"})
