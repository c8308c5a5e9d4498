"""The published STM, against the outputs of its own inference code with the same weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from longtake.cli.main import app


@pytest.mark.slow
def test_probabilities_equal_the_published_codes(shared: Path, tmp_path: Path) -> None:
    parity = shared / "parity"
    official, converted, out = tmp_path / "stm.pth", tmp_path / "stm.safetensors", tmp_path / "out"
    subprocess.run([sys.executable, parity / "make_stm_checkpoint.py", "7", official], check=True)
    run = CliRunner().invoke
    result = run(app, ["models", "convert", "stm-official", str(official), "--out", str(converted)])
    assert result.exit_code == 0, result.output
    words = f"--model {converted} --memory every:5 --save probabilities --precision float32 --size native --out {out}"
    result = run(app, ["segment", str(parity / "stm/frames"), "--masks", str(parity / "stm/mask.png"), *words.split()])
    assert result.exit_code == 0, result.output
    reference = np.load(parity / "stm/probabilities.npy")
    files = sorted((out / "probabilities").glob("*.npy"))
    assert len(files) == len(reference)
    worst = max(float(np.abs(np.load(file) - expected).max()) for file, expected in zip(files, reference, strict=True))
    assert worst <= 1e-4


def test_the_published_names_all_have_a_place(shared: Path) -> None:
    from longtake.systems.stm.weights import UNUSED, _rename

    names = json.loads((shared / "parity/stm_names.json").read_text())
    assert [name for name in names if not UNUSED.fullmatch(name) and _rename(name) is None] == []
