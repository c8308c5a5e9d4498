"""What of a data set is to be looked at: each of its splits, or the sequences of all lists together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.dataset import IMAGES, MASKS, Dataset, Video, by_name
from longtake.data.layouts import names_in, open_dataset, splits_in
from longtake.doctor.images import FLAT
from longtake.doctor.report import Report
from longtake.errors import InputError
from longtake.evaluation.folded import counted, some
from longtake.video.images import UNREADABLE


def find_groups(path: Path, report: Report) -> list[Dataset]:
    """The splits at a path; the lists of DAVIS together are one. What cannot be opened is told in the report."""
    if (path / "ImageSets").is_dir():
        return _listed(path, report)
    if (path / MASKS).is_dir():
        return _opened(path, None, report)
    if (path / IMAGES).is_dir():
        return [_bare(path)]
    bare = sorted(f for f in path.iterdir() if (f / IMAGES).is_dir() and not (f / MASKS).is_dir())
    splits = splits_in(path)
    own = [path / name for name in splits if (path / name / "ImageSets").is_dir()]
    report.notes += [f"{folder} has lists of its own: examine it by itself" for folder in own]
    if splits or bare:
        return [*(found for name in splits for found in _opened(path, name, report)), *map(_bare, bare)]
    folders = {child.name: by_name(child) for child in sorted(path.iterdir()) if child.is_dir()}
    videos = [_told_apart(name, files) for name, files in folders.items() if files]
    return [Dataset("folders", path, "all", videos)]


def _opened(path: Path, split: str | None, report: Report) -> list[Dataset]:
    try:
        return [open_dataset(path, split)]
    except InputError as error:
        report.problems.append(str(error))
        return []


def _bare(folder: Path) -> Dataset:
    """A split of frames without masks, as `valid_all_frames` of YouTube-VOS is."""
    folders = sorted(child for child in (folder / IMAGES).iterdir() if child.is_dir())
    return Dataset("mose", folder, folder.name, [Video(f.name, by_name(f, "jpg"), {}) for f in folders])


def _listed(root: Path, report: Report) -> list[Dataset]:
    """The sequences of all lists of a DAVIS folder; those that are not there are told of, list by list."""
    lists = sorted((root / "ImageSets").glob("*/*.txt"))
    if not lists:
        report.problems.append(f"{root / 'ImageSets'}: no lists; they are <year>/<split>.txt with a sequence a line")
    there: dict[str, Video] = {}
    found: list[Dataset] = []
    for path in lists:
        label = f"{path.parent.name}/{path.stem}"
        try:
            if not (names := names_in(path)):
                report.problems.append(f"{path}: names no sequence")
                continue
            dataset = open_dataset(root, path.stem, path.parent.name)
        except InputError as error:
            report.problems.append(f"list {label}: {error}")
            continue
        found.append(dataset)
        own = {video.name: video for video in dataset.videos if video.frames or video.masks}
        there |= own
        if lacking := [name for name in names if name not in own]:
            words = counted(len(lacking), "sequence")
            report.problems.append(f"list {label}: {words} without a folder: {some(lacking)}")
        report.facts["lists"] = ", ".join(filter(None, [report.facts.get("lists"), f"{label} ({len(names)})"]))
    return [replace(found[0], split="all lists", videos=list(there.values()))] if found else []


def _told_apart(name: str, files: dict[str, Path]) -> Video:
    """A plain folder of images: masks, unless the first, a middle and the last one are all photographs."""
    paths = list(files.values())
    looked = [_photograph(path) for path in {paths[0], paths[len(paths) // 2], paths[-1]}]
    return Video(name, files, {}) if all(looked) else Video(name, {}, files)


def _photograph(path: Path) -> bool:
    """Whether an image has more colours than masks have."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("RGB", "RGBA"):
                return False
            values = np.array(image.convert("RGB")).reshape(-1, 3).astype(np.uint32)
    except UNREADABLE:
        return False
    return len(np.unique(values @ np.array([1 << 16, 1 << 8, 1], np.uint32))) > FLAT
