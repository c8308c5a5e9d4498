"""Ids changed in label images that are there, over a range of frames; nothing is segmented again."""

import contextlib
import csv
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from longtake.data.labels import VOID, ids_in, read_labels
from longtake.errors import MaskError, OutputError, SettingError
from longtake.types import LARGEST_ID
from longtake.video.images import images_in
from longtake.video.palette import write_labels
from longtake.video.spans import Span
from longtake.video.whole import whole, whole_folder, whole_instead

TABLE, RECORD = "frames.csv", "run.json"

FIGURES = ("confidence", "presence", "area")


@dataclass(frozen=True)
class Changes:
    """What becomes of ids, all at once: 0 removes one. Only into `merged` ids may others flow that are there."""

    to: Mapping[int, int]
    merged: frozenset[int] = field(default_factory=frozenset)

    def of(self, found: Sequence[int], where: str) -> dict[int, int]:
        """What changes where these ids are found. Raises SettingError where two would become one unasked."""
        changed = {name: self.to[name] for name in found if name in self.to}
        after = [self.to.get(name, name) for name in found]
        for old, new in changed.items():
            if new and new not in self.merged and after.count(new) > 1:
                raise SettingError(
                    f"{where}: {old} would become {new}, which is there too; --merge {old}={new} joins them"
                )
        return changed


def parse_changes(
    swaps: Sequence[str] = (), renames: Sequence[str] = (), merges: Sequence[str] = (), removed: Sequence[str] = ()
) -> Changes:
    """Changes from `A,B`, `A=B`, `A,B,...=C` and `A,B,...`. Raises SettingError on other texts, or an id told twice."""
    pairs = list[tuple[str, int, int]]()
    for text in swaps:
        left, right = _numbers(f"--swap {text}", text, "A,B", count=2)
        pairs += [(f"--swap {text}", left, right), (f"--swap {text}", right, left)]
    merged = set[int]()
    for option, texts, shape in (("--rename", renames, "A=B"), ("--merge", merges, "A,B,...=C")):
        for text in texts:
            said = f"{option} {text}"
            before, _, after = text.partition("=")
            (target,) = _numbers(said, after, shape, count=1)
            sources = _numbers(said, before, shape, count=1 if option == "--rename" else None)
            pairs += [(said, old, target) for old in sources if old != target]
            merged |= {target} if option == "--merge" else set()
    for text in removed:
        pairs += [(f"--remove {text}", name, 0) for name in _numbers(f"--remove {text}", text, "A,B,...", count=None)]
    to = dict[int, int]()
    for said, old, new in pairs:
        if old in to:
            raise SettingError(f"{said}: object {old} is changed twice; call the command again for the second change")
        to[old] = new
    if not to:
        raise SettingError("nothing to change: give --swap, --rename, --merge or --remove")
    return Changes(to, frozenset(merged))


def _numbers(said: str, text: str, shape: str, count: int | None) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= LARGEST_ID for part in parts) or count not in (None, len(parts)):
        raise SettingError(f"{said}: write it as {shape}, with ids from 1 to {LARGEST_ID}")
    return [int(part) for part in parts]


def relabel(results: Path, changes: Changes, span: Span, out: Path | None = None) -> tuple[int, int]:
    """Change ids in the label images of a range of frames; returns how many images changed, of how many.

    results: what `segment` wrote (frames.csv and run.json are brought in line, pictures and probabilities stay), or a
    folder of label images. out: a new folder for the outcome; without it the images are replaced, all of them or none.
    Raises SettingError where an id is in none of the frames, or two would become one unasked; MaskError, OutputError.
    """
    inner = results / "labels"
    labels = inner if inner.is_dir() else results
    files = {path.stem: path for path in images_in(labels)} if labels.is_dir() else {}
    if not files:
        raise MaskError(f"{labels}: no label images; give a folder that segment wrote, or one of label images")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingError(f"--out {out}: is there already; name a new folder")
    beside = results if labels == inner else None
    within = _within(files, beside, span)
    with _target(labels, beside, out) as folder:
        changed = _rewrite([files[name] for name in within], changes, folder, span)
        if beside is not None:
            for name, text in _beside(beside, set(within), changes, span).items():
                with whole((beside if out is None else folder.parent) / name) as partial:
                    partial.write_text(text, encoding="utf-8", errors="surrogateescape")
    return changed, len(files)


@contextlib.contextmanager
def _target(labels: Path, beside: Path | None, out: Path | None) -> Iterator[Path]:
    """A copy of the label images that takes its place in the end. Raises OutputError where it cannot be written."""
    try:
        if out is None:
            with whole_instead(labels) as folder:
                yield folder
        else:
            with whole_folder(out) as whole_out:
                folder = whole_out if beside is None else whole_out / "labels"
                shutil.copytree(labels, folder, dirs_exist_ok=True)
                yield folder
    except OSError as error:
        raise OutputError(f"{out or labels}: cannot be written ({error.strerror}); nothing was changed") from error


def _within(files: Mapping[str, Path], beside: Path | None, span: Span) -> list[str]:
    """The names of the frames of a span. Raises SettingError where there are none, or their times are not known."""
    if span.whole:
        return list(files)
    table = None if beside is None else beside / TABLE
    if table is not None and table.exists():
        places = _places(table)
    else:
        for mark in (span.start, span.end):
            if mark is not None and mark.frame is None:
                raise SettingError(
                    f"{mark.text}: without {TABLE} beside the labels times are not known; name frames, as #240"
                )
        places = {name: (int(name) if name.isdecimal() else n, Fraction(0)) for n, name in enumerate(files)}
    inside = [
        name
        for name, at in places.items()
        if name in files and not span.begins_after(*at) and not span.ends_before(*at)
    ]
    if not inside:
        raise SettingError(f"no frame {span}; there are {next(iter(places))} to {next(reversed(places))}")
    return inside


def _places(table: Path) -> dict[str, tuple[int, Fraction]]:
    """Index and seconds since the video's first frame, by the name of a frame. Raises MaskError."""
    try:
        with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
        times = {row["name"]: (int(row["index"]), int(row["ticks"]) * Fraction(row["time_base"])) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MaskError(f"{table}: not a table of frames as segment writes it ({error})") from error
    first, since = next(iter(times.values()), (0, Fraction(0)))
    origin = since if first == 0 else Fraction(0)
    return {name: (index, seconds - origin) for name, (index, seconds) in times.items()}


def _rewrite(files: Sequence[Path], changes: Changes, folder: Path, span: Span) -> int:
    """Write the images that change; returns their number. Raises SettingError where an id is in none of them."""
    changed, seen = 0, set[int]()
    for path in files:
        labels = read_labels(path)
        found = ids_in(labels)
        seen |= set(found)
        if not (now := changes.of(found, f"frame {path.stem}")):
            continue
        if labels.dtype == np.uint8 and (labels == VOID).any():
            raise MaskError(f"{path}: holds 255, which is no id in 8 bits; relabel masks without it")
        table = np.arange(LARGEST_ID + 1, dtype=np.uint16)
        table[list(now)] = list(now.values())
        write_labels(folder / path.name, table[labels])
        changed += 1
    if lacking := sorted(set(changes.to) - seen):
        there = ", ".join(map(str, sorted(seen)[:12])) or "none"
        raise SettingError(f"object {lacking[0]}: in no frame {span}; ids there: {there}")
    return changed


def _beside(results: Path, within: set[str], changes: Changes, span: Span) -> dict[str, str]:
    """The table and the record of a run in line with its labels, by name; none where there are none."""
    texts, ids = dict[str, str](), list[int]()
    if (path := results / TABLE).exists():
        texts[TABLE], ids = _table(path, within, changes)
    if (path := results / RECORD).exists():
        with contextlib.suppress(ValueError):
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            record["objects"] = sorted(ids) or record.get("objects")
            done = {"changes": {str(old): new for old, new in changes.to.items()}, "span": str(span)}
            record["relabelled"] = [*record.get("relabelled", []), done]
            texts[RECORD] = json.dumps(record, indent=1) + "\n"
    return texts


def _table(path: Path, within: set[str], changes: Changes) -> tuple[str, list[int]]:
    """The frames' table with the objects' new ids, and these."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        rows, columns = list(reader), list(reader.fieldnames or ())
    olds = [int(column.removeprefix("presence_")) for column in columns if column.startswith("presence_")]
    kept = [column for column in columns if not column.startswith(tuple(f"{what}_" for what in FIGURES))]
    figures = [_figures(row, olds, changes.to if row["name"] in within else {}) for row in rows]
    ids = list(
        dict.fromkeys(
            [*(old for old in olds if any(old in each for each in figures)), *(n for f in figures for n in f)]
        )
    )
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*kept, *(f"{what}_{name}" for name in ids for what in FIGURES)])
    for row, each in zip(rows, figures, strict=True):
        cells = [cell for name in ids for cell in each.get(name, ("",) * len(FIGURES))]
        lines.writerow([*(row[column] for column in kept), *cells])
    return text.getvalue(), ids


def _figures(row: Mapping[str, str], olds: Sequence[int], to: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """What is told of each object, by new id; of those that become one, the mean over pixels and the sum."""
    parts = dict[int, list[tuple[str, ...]]]()
    for old in olds:
        if row[f"presence_{old}"] and (new := to.get(old, old)):
            parts.setdefault(new, []).append(tuple(row[f"{what}_{old}"] for what in FIGURES))
    return {name: each[0] if len(each) == 1 else _joined(each) for name, each in parts.items()}


def _joined(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    area = sum(float(share) for _, _, share in parts)
    sure = sum(float(confidence) * float(share) for confidence, _, share in parts if confidence)
    presence = min((word for _, word, _ in parts), key=("visible", "returned", "hidden", "gone").index)
    return (f"{sure / area:.4f}" if area else ""), presence, f"{area:.6f}"
