"""The editors of a project's videos: one model for all of them, loaded when the first of them is opened."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtake.engine.history import History
from longtake.video.source import Source

if TYPE_CHECKING:
    from longtake.engine.editor import Editor


@dataclass(frozen=True)
class Editors:
    """What follows objects, as `longtake segment` takes it."""

    model: str = "default"
    weights: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    memory: str = "auto"
    size: int | None = 480
    device: str = "auto"
    precision: str = "auto"
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def load(self) -> None:
        """Load the model now. Raises SettingError or CheckpointError."""
        with self._lock:
            self._loaded  # noqa: B018

    def __call__(self, source: Source, folder: Path, history: History) -> "Editor":
        """The editor of a video's masks. Raises as `load` does."""
        from longtake.engine.editor import Editor

        self.load()
        return Editor(source=source, folder=folder, history=history, short_side=self.size, **self._loaded)

    @cached_property
    def _loaded(self) -> dict[str, Any]:
        from longtake.engine.frugal import policy_for
        from longtake.engine.runtime import runtime
        from longtake.engine.step import rules_for
        from longtake.memory.policy import parse_policy
        from longtake.systems.calibration import calibration_of
        from longtake.systems.models import load

        run = runtime(self.device, self.precision)
        system, card = load(self.model, self.weights, self.settings)
        policy = policy_for(system, run) if self.memory == "auto" else parse_policy(self.memory)
        rules, calibration = rules_for(system, policy), calibration_of(card.preset)
        return {"system": run.ready(system), "rules": rules, "run": run, "calibration": calibration}
