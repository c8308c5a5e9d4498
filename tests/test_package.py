"""What people install: the wheel and the sdist hold the package whole, need no compiler, and run from elsewhere."""

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import longtake

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    return folder


def ours() -> set[str]:
    """Every file of the package, as a wheel names it."""
    files = (path for path in (SOURCE / "longtake").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(SOURCE).as_posix() for path in files}


def test_the_wheel_is_the_package_and_nothing_else(built: Path) -> None:
    (path,) = built.glob("*.whl")
    assert path.name == f"longtake-{longtake.__version__}-py3-none-any.whl"  # any machine, no compiler
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        facts = email.message_from_bytes(wheel.read(f"longtake-{longtake.__version__}.dist-info/METADATA"))
        scripts = wheel.read(f"longtake-{longtake.__version__}.dist-info/entry_points.txt").decode()
    assert names == ours()
    assert {"longtake/py.typed", "longtake/weights/stm-mobilenet-v2.safetensors", "longtake/demo/clip.mp4"} <= names
    assert {"batch", "coco", "onnx", "train", "web"} <= set(facts.get_all("Provides-Extra", []))
    assert "longtake = longtake.cli.main:main" in scripts
    assert not [line for line in facts.get_all("Requires-Dist", []) if "@" in line or "==" in line.partition(";")[0]]


def test_the_sdist_has_tests_and_documents_too(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {f"src/{name}" for name in ours()} <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml", "tests/test_package.py"} <= names


@pytest.mark.slow
def test_it_runs_from_where_it_is_installed(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        "here",
        str(wheel),
    ]
    subprocess.run(words, cwd=tmp_path, check=True)
    elsewhere = {**os.environ, "PYTHONPATH": str(tmp_path / "here")}
    words = [sys.executable, "-m", "longtake", "doctor"]
    done = subprocess.run(words, cwd=tmp_path, env=elsewhere, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"longtake {longtake.__version__} in {tmp_path / 'here' / 'longtake'}" in done.stdout
