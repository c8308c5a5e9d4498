"""`longtake annotate`: one address, a quick end, and a line for whatever stops it."""

import json
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from longtake.cli.annotate import given_rates
from longtake.cli.main import expand_lists

Run = Callable[..., int]


def test_it_says_one_address_and_ends_by_ctrl_c(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path
) -> None:
    words = ["annotate", tmp_path / "project", "--source", folder_clip[0], "--model", tiny_model, "--port", "0"]
    words += ["--masks", folder_clip[1] / "0.png", "--annotator", "Ada", "--fine-rate", "all"]
    program = [sys.executable, "-m", "longtake", *map(str, words)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            parts = urllib.parse.urlsplit(address)
            bearer = {"Authorization": f"Bearer {urllib.parse.parse_qs(parts.query)['token'][0]}"}
            request = urllib.request.Request(f"http://{parts.netloc}/api/project", headers=bearer)
            with urllib.request.urlopen(request, timeout=20) as answer:
                told = json.load(answer)
            assert [video["frames"] for video in told["videos"]] == [6]
            assert told["annotator"] == "Ada"
            second = subprocess.run(
                [*program[:5], "--model", str(tiny_model)], check=False, capture_output=True, text=True
            )
            assert second.returncode == 1
            assert f"is open at http://{parts.netloc} (process {process.pid})" in second.stderr
            assert "token" not in second.stderr
            process.send_signal(signal.SIGINT)
            said, complaints = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, "")
    assert complaints.strip().splitlines()[-1] == "longtake: interrupted; what was finished is kept"
    assert "Traceback" not in complaints


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--masks", "m.png"), "--masks: goes with one --source"),
        (("--masks", "m.png", "--source", "a", "b"), "--masks: goes with one --source"),
        (("--fine-rate", "some"), "--fine-rate some: a number of frames per second, or all"),
        (("--fine-rate", "0"), "--fine-rate 0: a number of frames per second above 0"),
        (("--coarse-rate", "nan"), "--coarse-rate nan: a number of frames per second above 0"),
        (("--size", "x"), "--size x: a number of pixels"),
        (("--set", "a=1"), "settings of a model begin with model."),
        (("--model", "nothing"), "--model nothing: no such model"),
        (("--device", "abacus"), "--device abacus: use"),
        (("--source", "nothing.mp4"), "nothing.mp4: no such file"),
    ],
)
def test_bad_words_are_told_in_a_line(
    words: tuple[str, ...], line: str, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("annotate", tmp_path / "project", "--port", "0", *words) == 1
    assert line in capsys.readouterr().err


def test_a_port_in_use_is_told(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        assert run("annotate", tmp_path / "project", "--port", port) == 1
    assert f"longtake: port {port} is in use by another program" in capsys.readouterr().err
    assert not (tmp_path / "project").exists()


def test_a_missing_extra_is_told(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("app", "serve"):
        monkeypatch.delitem(sys.modules, f"longtake.annotate.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run("annotate", tmp_path / "project") == 1
    assert "is not installed; get it with: pip install 'longtake[web]'" in capsys.readouterr().err


def test_rates_that_are_not_given_stay_as_they_are() -> None:
    assert given_rates(None, None) == {}
    assert given_rates(0.5, "all") == {"coarse_rate": 0.5, "fine_rate": None}
    assert given_rates(None, "12.5") == {"fine_rate": 12.5}


def test_several_sources_may_follow() -> None:
    words = ["annotate", "p", "--source", "a", "b"]
    assert expand_lists(words) == ["annotate", "p", "--source", "a", "--source", "b"]
    assert expand_lists(["export", "--source", "a", "b"]) == ["export", "--source", "a", "b"]
