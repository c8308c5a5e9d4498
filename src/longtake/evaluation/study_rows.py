"""The runs that make each table of a study, as arguments of `benchmark`; nothing runs here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from longtake.errors import SettingError
from longtake.evaluation.finished import called
from longtake.systems.checkpoint import misfits, of_parts, preset_of, read_card, read_weights
from longtake.systems.models import find

CAP = "lvos:5:6"
"""How memories that grow are held to a length in LVOS's tables."""

KINDS = "memory: A all frames, C compressed, F+P first and previous frame, OD online adaption (LVOS, table 3)"


@dataclass(frozen=True)
class Row:
    """A run: its name, the arguments of its own, what the table says of it, and why it is not run, where it is not."""

    name: str
    words: Mapping[str, Any]
    told: Mapping[str, str]
    obstacle: str = ""

    @property
    def folder(self) -> str:
        """A name for files."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Rows:
    """The rows of a table, the one that others are compared with first, and what is good to know of them."""

    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=list)


def _oracle(models: Sequence[str], settings: Mapping[str, Any], memory: str) -> Rows:
    """LVOS, table 5."""
    common = {"model": _only(models, "oracle"), "settings": dict(settings), "memory": memory}
    rows = []
    for name in ("none", "box", "mask", "both"):
        told = {kind: "yes" if name in (kind, "both") else "" for kind in ("box", "mask")}
        rows.append(Row(name, {**common, "oracle": None if name == "none" else name}, told))
    return Rows(
        rows,
        [
            "box: an object may be only within its true box; mask: memory holds the true masks (LVOS, table 5)",
            "what is told the truth is no result: it says what could be won",
        ],
    )


def _ablation(models: Sequence[str], settings: Mapping[str, Any], memory: str) -> Rows:
    """The paper's rows for the system of a model; those that its weights do not fit are not run."""
    model = _only(models, "ablation")
    path = find(model)
    card, weights = read_card(path), read_weights(path)
    ablation = preset_of(card, str(path), settings).ablation()
    if ablation is None:
        raise SettingError(f"{model}: preset {card.preset} names no ablation; it is the preset's method `ablation`")
    rows = []
    for variant in ablation.variants:
        own = {**settings, **variant.settings}
        try:
            with torch.device("meta"):
                system = preset_of(card, str(path), own).build()
            flaws = misfits(system, of_parts(system, weights))
        except SettingError as error:
            flaws = [str(error)]
        kept = memory if variant.memory == "auto" else variant.memory
        switched = [f"{key}={_value(value)}" for key, value in variant.settings.items()]
        switched += [] if variant.memory == "auto" else [f"memory={variant.memory}"]
        words = {"model": model, "settings": own, "memory": kept, "surplus": True}
        obstacle = f"needs weights trained for it ({flaws[0]})" if flaws else ""
        rows.append(Row(variant.name, words, {"switched": " ".join(switched)}, obstacle))
    here = "here all rows are the same weights, with a part switched off that they were trained with"
    return Rows(rows, [ablation.source, f"{ablation.training}; {here}"])


def _systems(models: Sequence[str], settings: Mapping[str, Any], memory: str) -> Rows:
    """LVOS, table 3: memories that grow are there by their own rule, and capped as the paper did."""
    if settings or memory != "auto":
        raise SettingError("study systems: every model runs by its own settings; leave --set and --memory out")
    rows = []
    for model, name in zip(models, called([Path(model) for model in models]), strict=True):
        path = find(model)
        card = read_card(path)
        preset = preset_of(card, str(path))
        with torch.device("meta"):
            system = preset.build()
        words = {"model": model} | ({} if system.takes_proposals else {"proposals": None})
        told = {"system": type(system).__name__, "memory": preset.bank, "kept": "own rule"}
        rows.append(Row(name, words, told))
        if system.accepts_policy:
            rows.append(Row(f"{name} {CAP}", {**words, "memory": CAP}, {**told, "kept": CAP}))
    return Rows(rows, [KINDS, f"{CAP}: memories that grow, held to 6 frames as in the paper (section 5.1)"])


def _only(models: Sequence[str], table: str) -> str:
    if len(models) != 1:
        raise SettingError(f"study {table}: it is about one model; give --model once")
    return models[0]


def _value(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value).lower()


TABLES: Mapping[str, Callable[[Sequence[str], Mapping[str, Any], str], Rows]] = {
    "oracle": _oracle,
    "ablation": _ablation,
    "systems": _systems,
}


def rows_of(table: str, models: Sequence[str], settings: Mapping[str, Any], memory: str) -> Rows:
    """The rows of a table by its name. Raises SettingError."""
    if table not in TABLES:
        raise SettingError(f"study {table}: use {', '.join(TABLES)}")
    plan = TABLES[table](models, settings, memory)
    folders = [row.folder for row in plan.rows]
    if alike := [row.name for row in plan.rows if folders.count(row.folder) > 1]:
        raise SettingError(f"study {table}: {' and '.join(alike)} would share a folder; rename a model's file")
    return plan
