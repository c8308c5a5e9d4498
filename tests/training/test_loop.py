"""Training on rendered data, in seconds: it learns, stops, goes on, and leaves no trace of having stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import SHAPES, job, losses, procedural, recipe

from longtake.errors import CheckpointError, InputError, SettingError
from longtake.systems.checkpoint import load_checkpoint
from longtake.systems.zoo import ZOO
from longtake.training import loop, runs
from longtake.training.checks import check_late
from longtake.training.folder import Job, read_job
from longtake.training.loop import Trainer
from longtake.training.recipe import Recipe
from longtake.video.palette import write_labels


class Killed(BaseException):
    pass


def killed_at(step: int):
    def kill(done: int, steps: int, note: str) -> None:
        if done == step:
            raise Killed

    return kill


def test_stopped_and_resumed_training_has_the_losses_of_an_undisturbed_run(data: list[Path], tmp_path: Path) -> None:
    runs.start(job(data), tmp_path / "whole").run()
    stopped = tmp_path / "stopped"

    def stop(done: int, steps: int, note: str) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        runs.start(job(data), stopped).run(stop)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert torch.load(stopped / "checkpoint.pt")["done"] == 5
    runs.resume(stopped).run()
    assert losses(stopped) == losses(tmp_path / "whole")
    assert len(losses(stopped)) == 1 + 8
    whole, again = (torch.load(out / "checkpoint.pt") for out in (tmp_path / "whole", stopped))
    assert all(torch.equal(whole["average"][name], again["average"][name]) for name in whole["average"])


def test_logs_forget_the_steps_that_were_not_saved(data: list[Path], tmp_path: Path) -> None:
    runs.start(job(data), tmp_path / "whole").run()
    with pytest.raises(Killed):
        runs.start(job(data), tmp_path / "killed").run(killed_at(5))
    # cut off in the middle of a line, as a kill leaves it
    with (tmp_path / "killed" / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "ev')
    resumed = runs.resume(tmp_path / "killed")
    assert resumed.done == 3
    resumed.run()
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    events = [json.loads(line) for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events] == list(range(1, 9))
    assert {"loss", "bootstrapped", "dice", "rate", "seconds", "stage"} <= events[0].keys()


def test_a_run_delivers_a_model_that_loads_by_its_path(tmp_path: Path) -> None:
    run = runs.start(procedural(**{"data.toy": "made here"}), tmp_path / "run")
    run.run()
    system, card = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert card.preset == "stm-mobilenet-v2"
    assert card.data == {"toy": "made here"}
    assert run.average is not None
    averaged = run.average.module.state_dict()
    assert all(
        torch.equal(value, averaged[name]) for name, value in system.state_dict().items() if "tracked" not in name
    )


def test_without_an_average_the_weights_themselves_are_delivered(tmp_path: Path) -> None:
    run = runs.start(procedural(**{"teaching.average": None}), tmp_path / "run")
    run.run()
    system, _ = load_checkpoint(tmp_path / "run" / "model.safetensors")
    own = run.system.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in system.state_dict().items() if "tracked" not in name)


def test_a_run_goes_on_from_a_checkpoint_of_another(tmp_path: Path) -> None:
    runs.start(procedural(**{"stages.0.steps": 1}), tmp_path / "first").run()
    start = str(tmp_path / "first" / "model.safetensors")
    second = runs.start(procedural(start=start), tmp_path / "second")
    first, _ = load_checkpoint(tmp_path / "first" / "model.safetensors")
    started = second.system.state_dict()
    assert all(torch.equal(value, started[name]) for name, value in first.state_dict().items())


def test_the_folder_tells_what_the_run_came_from(data: list[Path], tmp_path: Path) -> None:
    runs.start(job(data), tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert [entry["files"] for entry in facts["data"]] == [16, 16, 1]
    assert facts["machine"]["processes"] == 1
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    here = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert facts["code"].get("commit", "") == here.stdout.strip()
    listed = (tmp_path / "run" / "manifest.csv").read_text().splitlines()
    assert len(listed) == 1 + 33
    resolved = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert resolved["recipe"]["stages"][1]["teaching"]["clip_norm"] == 1.0  # the preset's, spelled out
    assert read_job(tmp_path / "run").recipe == recipe()


def test_what_is_validated_on_is_recorded_with_the_rest_of_its_folder(data: list[Path], tmp_path: Path) -> None:
    run = runs.start(job(data[1:], "pretrain", validation={"split": "select"}), tmp_path / "without")
    assert len(run.files) == 2
    (data[0] / "ImageSets/2016/train.txt").unlink()
    given = Job(recipe("pretrain", validation={"split": "select"}), tuple(data[1:]), data[0])
    assert [len(own) for own in runs.start(given, tmp_path / "with").files.values()] == [16, 1, 16]


def test_parts_of_a_batch_add_up(tmp_path: Path) -> None:
    for parts in (1, 2):
        changes = {"stages.0.accumulate": parts, "precision": "float64", "stages.0.steps": 2}
        runs.start(procedural(**changes), tmp_path / str(parts)).run()
    whole, added = ([float(row[2]) for row in losses(tmp_path / name)[1:]] for name in "12")
    np.testing.assert_allclose(whole, added, atol=1e-9)


def test_late_objects_are_given_when_they_come(
    data: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    made = loop.make_batch
    monkeypatch.setattr(loop, "make_batch", lambda *words: seen.append(made(*words)) or seen[-1])
    # object 2 of the rendered clip leaves and comes back: late, seen from the middle on
    for mask in sorted((data[0] / "Annotations/480p/toy").iterdir())[:4]:
        ids = np.array(Image.open(mask))
        write_labels(mask, np.where(ids == 2, 0, ids).astype(np.uint16))
    shapes = [{"frames": 8, "side": 96, "objects": 2, "late": True, "gap": 1, "window": [0.95, 1.0]}]
    changes = {"stages.0.shapes": shapes, "stages.0.sources": {"video": 1}, "stages.0.batch": 8, "stages.0.steps": 2}
    runs.start(job(data, "pretrain", **changes), tmp_path / "run").run()
    assert any(batch.clip.first[-1] > 0 for batch in seen)


def test_feedback_changes_on_the_way(tmp_path: Path) -> None:
    """With the truth remembered, a frame's own prediction has no say in the next one's."""
    told = {"teaching.feedback": [[0, "truth"], [0.5, "hard"]]}
    runs.start(procedural(**told), tmp_path / "told").run()
    for name, feedback in (("truth", "truth"), ("hard", "hard")):
        runs.start(procedural(**{"teaching.feedback": feedback}), tmp_path / name).run()
    assert losses(tmp_path / "told")[:3] == losses(tmp_path / "truth")[:3]
    assert losses(tmp_path / "told")[3] != losses(tmp_path / "truth")[3]
    assert losses(tmp_path / "hard")[1] != losses(tmp_path / "truth")[1]


def test_pictures_show_truth_above_prediction(tmp_path: Path) -> None:
    runs.start(procedural(pictures_every=2), tmp_path / "run").run()
    pictures = sorted((tmp_path / "run" / "pictures").iterdir())
    assert [picture.name for picture in pictures] == ["0000002.png", "0000004.png"]
    with Image.open(pictures[0]) as image:
        assert image.size == (3 * 68, 2 * 68)


def test_tensorboard_gets_the_figures(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs.start(procedural(), tmp_path / "run").run()
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    board.Reload()
    assert [scalar.step for scalar in board.Scalars("train/loss")] == [1, 2, 3, 4]
    assert board.Scalars("train/loss")[0].value == pytest.approx(float(losses(tmp_path / "run")[1][2]), abs=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process")
def test_a_scheduler_that_ends_the_whole_group_finds_it_saved(data: list[Path], tmp_path: Path) -> None:
    """SIGTERM reaches the processes that read data too."""
    out = tmp_path / "run"
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps(recipe("pretrain", workers=1, **{"stages.0.steps": 400}).model_dump(mode="json")))
    words = [sys.executable, "-m", "longtake", "train", str(path), "--data", *map(str, data), "--out", str(out)]
    child = subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True)
    while not (out / "losses.csv").exists() or len(losses(out)) < 4:
        assert child.poll() is None
        time.sleep(0.1)
    os.killpg(child.pid, signal.SIGTERM)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130, told
    assert "Traceback" not in told
    assert torch.load(out / "checkpoint.pt")["done"] == len(losses(out)) - 1


@pytest.mark.slow
def test_training_learns_a_rendered_clip(data: list[Path], tmp_path: Path) -> None:
    changes = {
        "stages.0.steps": 80,
        "stages.0.rate": 0.002,
        "stages.0.shapes": SHAPES[:1],
        "stages.0.sources": {"video": 1},
    }
    runs.start(job(data[:1], "pretrain", **changes), tmp_path / "run").run()
    values = [float(row[3]) for row in losses(tmp_path / "run")[1:]]
    assert np.mean(values[-10:]) < 0.75 * np.mean(values[:10])


def test_random_numbers_of_the_caller_stay_his_own(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    runs.start(procedural(**{"stages.0.steps": 1}), tmp_path / "run").run()
    assert torch.equal(torch.rand(3), expected)


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    runs.start(procedural(), tmp_path / "run")
    with pytest.raises(SettingError, match="--resume"):
        runs.start(procedural(), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    runs.start(procedural(**{"stages.0.steps": 1}), tmp_path / "run").run()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: cannot be resumed"):
        runs.resume(tmp_path / "run")


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.start(procedural(), tmp_path / "run")
    with torch.no_grad():
        next(run.system.parameters()).fill_(torch.nan)
    with pytest.raises(InputError, match="the loss is nan at step 0; lower the stage's rate"):
        run.run()


def test_validation_keeps_the_best(data: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores are scripted; that they come from the evaluator is seen below."""
    scores = iter([0.3, 0.5, 0.4])
    monkeypatch.setattr(
        "longtake.training.validation.Validator.score", lambda *_: {"J&F": (figure := next(scores)), "J": figure}
    )
    changes = {"validation": {"every": 2, "split": "select"}, "stages.0.steps": 6}
    run = runs.start(job(data, "pretrain", **changes), tmp_path / "run")
    run.run()
    _, card = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert (run.best, card.training, card.figures["J&F"]) == (0.5, "4 steps", 0.5)
    assert load_checkpoint(tmp_path / "run" / "model.safetensors")[1].training == "6 steps"
    assert torch.load(tmp_path / "run" / "checkpoint.pt")["best"] == 0.5


def test_validation_scores_the_averaged_weights_as_the_evaluator_does(data: list[Path], tmp_path: Path) -> None:
    from longtake.evaluation.evaluate import evaluate

    changes = {"validation": {"every": 3, "split": "select", "figure": "J"}, "stages.0.steps": 3}
    run = runs.start(job(data, "pretrain", **changes), tmp_path / "run")
    run.run()
    again = evaluate(data[0], tmp_path / "run" / "validation", "davis2016", split="select")
    assert run.best == again.runs[0].totals["J"]
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [event["J"] for event in events if event["event"] == "validation"] == [run.best]


def test_a_validation_that_was_cut_off_is_made_up_for(data: list[Path], tmp_path: Path) -> None:
    changes = {"validation": {"every": 2, "split": "select"}, "stages.0.steps": 4}
    runs.start(job(data, "pretrain", **changes), tmp_path / "whole").run()
    run = runs.start(job(data, "pretrain", **changes), tmp_path / "cut")

    def cut(*_: object) -> dict[str, float]:
        raise Killed

    assert run.validator is not None
    run.validator.score = cut  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run.run()
    assert torch.load(tmp_path / "cut" / "checkpoint.pt")["done"] == 2
    again = runs.resume(tmp_path / "cut")
    again.run()
    kept = [(out / "log.jsonl").read_text() for out in (tmp_path / "whole", tmp_path / "cut")]
    figures = [[json.loads(line).get("J&F") for line in text.splitlines()] for text in kept]
    assert figures[0] == figures[1]


def test_a_shared_batch_must_come_out_even(data: list[Path]) -> None:
    from longtake.training.checks import check_shares

    with pytest.raises(SettingError, match="a batch of 2 clips cannot be shared by 2 processes in 2 parts each"):
        check_shares(recipe(**{"stages.0.accumulate": 2}), 2)


def test_clips_must_fit_the_system(tmp_path: Path) -> None:
    shapes = [{"side": [60, 100]}]
    with pytest.raises(SettingError, match=r"clips of 60x100 do not fit stm-mobilenet-v2; the next .* is 64x112"):
        Trainer(Job(procedural(**{"stages.0.shapes": shapes}).recipe, ()), tmp_path)


def test_late_objects_that_join_a_memory_come_in_clips_one_by_one(tmp_path: Path) -> None:
    def late(**changes: object) -> Recipe:
        return procedural(**{"stages.0.shapes": [{"side": 65, "late": True}], **changes}).recipe

    joining, apart = (ZOO[name].tiny().build() for name in ("ddmemory-mobilenet-v2", "stm-mobilenet-v2"))
    with pytest.raises(SettingError, match=r"late objects .* takes one clip at a time; set accumulate to 2"):
        check_late(late(), joining, 1)
    check_late(late(), joining, 2)
    check_late(late(**{"stages.0.accumulate": 2}), joining, 1)
    check_late(late(), apart, 1)


def test_clips_may_be_wide(tmp_path: Path) -> None:
    run = runs.start(procedural(**{"stages.0.shapes": [{"side": [48, 80]}]}), tmp_path / "run")
    run.run()
    assert run.done == 4
