"""The editors of a project's videos: one model for all of them, loaded once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from longtake.engine.editor import Editor
from longtake.engine.frugal import policy_for
from longtake.engine.history import History
from longtake.engine.runtime import runtime
from longtake.engine.step import rules_for
from longtake.memory.policy import parse_policy
from longtake.systems.calibration import calibration_of
from longtake.systems.models import DEFAULT, load
from longtake.video.source import Source

OpenEditor = Callable[[Source, Path, History], Editor]
"""Opens the editor of a video's masks, in a folder, with the history of its edits."""


def editors(
    model: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    memory: str = "auto",
    size: int | None = 480,
    device: str = "auto",
    precision: str = "auto",
) -> OpenEditor:
    """Load a model, as `longtake segment` does it. Raises SettingError or CheckpointError."""
    run = runtime(device, precision)
    system, card = load(model, weights, settings)
    rules = rules_for(system, policy_for(system, run) if memory == "auto" else parse_policy(memory))
    system, calibration = run.ready(system), calibration_of(card.preset)

    def opened(source: Source, folder: Path, history: History) -> Editor:
        return Editor(
            system, source, folder, rules=rules, short_side=size, run=run, calibration=calibration, history=history
        )

    return opened
