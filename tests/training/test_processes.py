"""Several processes (gloo): the losses of one with the whole batch; killed and resumed as if nothing had been."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from longtake.training import folder
from longtake.training.batch import make_batch
from longtake.training.sources import open_sources, stage_clips

TOOL = Path(__file__).parents[2] / "tools" / "kill_training.py"
_spec = importlib.util.spec_from_file_location("kill_training", TOOL)
assert _spec is not None
assert _spec.loader is not None
tool = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tool)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


@forks
@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    """A batch of four clips, two to a process, in the second stage in two parts; objects that come late among them.

    With one system: what differs is how a batch is shared out, and that no loss depends on its batch has its own test.
    """
    model = "stm-mobilenet-v2"
    job = folder.Job(tool.exact_recipe(model, 8), (tool.clip_folder(tmp_path / "data"),))
    clips = [stage_clips(job.recipe, stage, open_sources(job.recipe, job.data)) for stage in (0, 1)]
    drawn = [own[4 * step + i] for own in clips for step in (1, 3) for i in range(4)]
    batches = [make_batch(clip.images[None], clip.ids[None], torch.device("cpu"), late=True) for clip in drawn]
    assert any(batch.clip.first[-1] > 0 for batch in batches)
    words = ["--against-one", "--processes", "2", "--steps", "8", "--model", model]
    done = subprocess.run([sys.executable, str(TOOL), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@forks
@pytest.mark.slow
@pytest.mark.parametrize(("model", "processes"), [("stm-mobilenet-v2", 1), ("ddmemory-mobilenet-v2", 2)])
def test_a_run_killed_at_random_steps_is_bit_by_bit_an_undisturbed_one(model: str, processes: int) -> None:
    """One preset without randomness of its own, and one that shuffles identities and drops layers."""
    words = ["--kills", "1", "--steps", "8", "--seed", "3", "--processes", str(processes), "--model", model]
    if processes == 1:
        words += ["--workers", "1"]
    done = subprocess.run([sys.executable, str(TOOL), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same bit by bit" in done.stdout


@forks
@pytest.mark.slow
def test_what_one_process_cannot_read_ends_all_with_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each process reads its own clips, and all count what any of them could not read."""
    data = tool.clip_folder(tmp_path / "data")
    (data / "JPEGImages/480p/toy/00003.jpg").write_bytes(b"broken")
    job = folder.Job(tool.recipe("stm-mobilenet-v2", 20), (data,))
    assert not tool.wait(tool.train(job, tmp_path / "run", 2))
    told = capfd.readouterr().err
    assert told.count("InputError: 1 of 8 images cannot be read, more than 1 %") == 2
