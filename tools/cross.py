r"""Every model on every data set, as table 4 of the STM paper: what a model learnt from, against where it is tried.

    python tools/cross.py OUT --model "pre-training only" runs/pretrain/model.safetensors \
        --model DAVIS runs/davis/model.safetensors --model YouTube-VOS runs/youtube/model.safetensors \
        --data davis2017 DAVIS val --data youtube-vos YOUTUBE-VOS valid

OUT/MODEL/DATASET-SPLIT gets all that `longtake benchmark` writes, OUT/cross.json the figures, OUT/cross.md the table:
after each pair. Called again, it does what is missing, and again where the model's file or the place of the data is
another. Where a data set holds first masks alone, masks are made and not scored (pack them with longtake export).
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtake.data.layouts import open_dataset
from longtake.errors import InputError, LongtakeError, SettingError
from longtake.evaluation.benchmark import PROTOCOLS, benchmark
from longtake.evaluation.protocols import find_protocol
from longtake.systems.checkpoint import read_card
from longtake.video.sinks import make_folder
from longtake.video.whole import whole

FIGURES = ("J&F", "J", "F")


@dataclass(frozen=True)
class Model:
    """A trained model under the name of what it learnt from."""

    name: str
    file: Path

    @property
    def folder(self) -> str:
        """Its name as a folder's."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-.")


@dataclass(frozen=True)
class Data:
    """A split of a data set, by its name or a file with its videos; kind: as `longtake benchmark --dataset` has it."""

    kind: str
    root: Path
    split: str

    @property
    def name(self) -> str:
        """As the table and the folders have it."""
        return f"{self.kind}-{Path(self.split).stem}"


def check(models: Sequence[Model], data: Sequence[Data]) -> None:
    """Raises LongtakeError where a file is no model, a folder no such data set, or two would have the same name."""
    for what, names in (("--model", [m.folder for m in models]), ("--data", [d.name for d in data])):
        if twice := sorted({name for name in names if names.count(name) > 1 or not name}):
            raise SettingError(f"{what}: each needs a name of its own; twice: {', '.join(twice)}")
    for model in models:
        read_card(model.file)
    for each in data:
        if each.kind not in PROTOCOLS:
            raise SettingError(f"--data {each.kind}: use {', '.join(PROTOCOLS)}")
        open_dataset(each.root, each.split, find_protocol(PROTOCOLS[each.kind]).year)


def cross(models: Sequence[Model], data: Sequence[Data], out: Path) -> list[dict[str, Any]]:
    """Measure every pair that is missing; what is known of each, in the order of the table. Raises LongtakeError."""
    check(models, data)
    make_folder(out)
    known, found = read_known(out / "cross.json"), list[dict[str, Any]]()
    for model in models:
        digest = hashlib.sha256(model.file.read_bytes()).hexdigest()
        for each in data:
            place = {"root": str(each.root.resolve()), "split": each.split}
            pair = {"model": model.name, "digest": digest, "data": each.name, **place}
            done = next((old for old in known if pair.items() <= old.items()), None)
            found.append(done or pair | measured(model, each, out / model.folder / each.name))
            seen = {(pair["model"], pair["data"]) for pair in found}
            others = [old for old in known if (old["model"], old["data"]) not in seen]
            write(out / "cross.json", json.dumps([*found, *others], indent=1, allow_nan=False) + "\n")
            write(out / "cross.md", table(found))
    return found


def measured(model: Model, data: Data, out: Path) -> dict[str, Any]:
    """The figures of a pair; none where the data set holds first masks alone."""
    print(f"{model.name} on {data.name}", file=sys.stderr)
    result = benchmark(data.root, out, dataset=data.kind, split=data.split, model=str(model.file))
    facts = {"protocol": PROTOCOLS[data.kind], "frames_per_second": result.rate}
    if result.evaluation is None:
        return facts | {"figures": None, "intervals": None}
    (run,) = result.evaluation.runs
    return facts | {
        "figures": {name: value if value == value else None for name, value in run.totals.items()},  # noqa: PLR0124
        "intervals": {name: list(span) for name, span in run.intervals.items() if name in FIGURES},
    }


def read_known(path: Path) -> list[dict[str, Any]]:
    """The pairs of an earlier call. Raises InputError where the file is no such list."""
    if not path.exists():
        return []
    try:
        pairs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [pair for pair in pairs if {"model", "data", "figures"} <= pair.keys()]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not a table of tools/cross.py; move it away, or name another folder") from error


def table(pairs: Sequence[Mapping[str, Any]]) -> str:
    """A row for each model, three columns for each data set, in percent as the paper has it; the best in bold."""
    models, data = (list(dict.fromkeys(pair[key] for pair in pairs)) for key in ("model", "data"))
    values = {(pair["model"], pair["data"]): pair["figures"] or {} for pair in pairs}
    columns = [(name, figure) for name in data for figure in FIGURES]
    cells = {column: [values.get((model, column[0]), {}).get(column[1]) for model in models] for column in columns}
    best = {column: max((v for v in column_of if v is not None), default=None) for column, column_of in cells.items()}
    head = ["trained on", *(f"{name} {figure}" for name, figure in columns)]
    rows = [
        [model, *(_cell(cells[column][i], len(models) > 1 and cells[column][i] == best[column]) for column in columns)]
        for i, model in enumerate(models)
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(value: float | None, best: bool) -> str:
    if value is None:
        return "not scored"
    return f"**{100 * value:.1f}**" if best else f"{100 * value:.1f}"


def write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", nargs=2, action="append", required=True, metavar=("NAME", "FILE"))
    parser.add_argument("--data", nargs=3, action="append", required=True, metavar=("KIND", "ROOT", "SPLIT"))
    given = parser.parse_args()
    models = [Model(name, Path(file)) for name, file in given.model]
    try:
        pairs = cross(models, [Data(kind, Path(root), split) for kind, root, split in given.data], given.out)
    except LongtakeError as error:
        sys.exit(f"cross: {error}")
    print(table(pairs), end="")


if __name__ == "__main__":
    main()
