"""run.json: what ran, on what, with which model and licence, and how it ended."""

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import torch

import longtake
from longtake.engine.runtime import Runtime
from longtake.engine.step import Rules
from longtake.errors import OutputError
from longtake.systems.checkpoint import Card
from longtake.video.sinks import output
from longtake.video.whole import whole

LEEWAY = 2.0
"""Seconds after the end of a run in which its files may still be touched."""


def model_facts(name: str, card: Card, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A model as records name it; settings: switches of its preset that were set beside those of its card."""
    words = {"preset": card.preset, "options": {**card.options, **(settings or {})}}
    return {"name": name, **words, "licence": card.licence, "data": dict(card.data)}


def run_facts(rules: Rules, size: int | None, run: Runtime) -> dict[str, Any]:
    """How a model is run, as records tell it; size: the short side that larger frames are reduced to."""
    precision = str(run.dtype).removeprefix("torch.")
    return {"memory": repr(rules.policy), "short_side": size, "device": str(run.device), "precision": precision}


def check_untouched(out: Path) -> None:
    """Raise OutputError where masks of an earlier run in this folder were changed after it ended, as by a person."""
    record = out / "run.json"
    if not record.exists():
        return
    ended = record.stat().st_mtime + LEEWAY
    changed = [path.name for path in sorted((out / "labels").glob("*.png")) if path.stat().st_mtime > ended]
    if changed:
        many = f"{changed[0]} and {len(changed) - 1} more" if len(changed) > 1 else changed[0]
        raise OutputError(
            f"{out / 'labels'}: {many} changed since the run that made the masks there; "
            "to keep what was changed choose another --out, to lose it delete that folder"
        )


@dataclass
class RunRecord:
    """Written when the run ends, whether it came to its end or not; an earlier run's goes when it begins."""

    path: Path
    facts: Mapping[str, Any]
    outcome: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> "RunRecord":
        self.started = time.time()
        with output(self.path):
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = None if kind is None else str(error) or kind.__name__
        text = json.dumps(
            {
                "longtake": longtake.__version__,
                **self.facts,
                **self.outcome,
                "stopped": stopped,
                "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self.started)),
                "took_seconds": round(time.time() - self.started, 3),
                "versions": {
                    "python": platform.python_version(),
                    "torch": torch.__version__,
                    "av": av.__version__,
                    "platform": platform.platform(),
                },
            },
            indent=1,
        )
        with output(self.path), whole(self.path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
