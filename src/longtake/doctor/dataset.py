"""A data set, one of its splits, or predictions: every frame and mask decoded, lists and metadata held against them."""

from collections.abc import Callable, Container, Sequence
from pathlib import Path

from longtake.data.dataset import IMAGES, Dataset
from longtake.doctor.groups import find_groups
from longtake.doctor.listed import check_listed
from longtake.doctor.report import Report
from longtake.doctor.seen import Seen, look
from longtake.doctor.summary import facts, notes
from longtake.evaluation.folded import counted, some

Progress = Callable[[int, int | None], None]
"""Called with the number of images done, and of all."""

LAYOUTS = {
    "davis": "a data set in the layout of DAVIS",
    "youtube-vos": "a data set in the layout of YouTube-VOS",
    "lvos": "a data set in the layout of LVOS",
    "mose": "a data set without metadata, as MOSE",
    "folders": "a folder per video",
}


def examine_dataset(path: Path, progress: Progress = lambda done, count: None) -> Report:
    """All splits at a path; the problems that the files of a video share are a line."""
    report = Report(str(path), "a data set")
    groups = find_groups(path, report)
    done, total = 0, sum(len(video.frames) + len(video.masks) for group in groups for video in group.videos)

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for group in groups:
        found = Report(str(group.root), LAYOUTS[group.layout])
        _examine(group, [look(video, tick) for video in group.videos], found)
        _take(report, found, group.split if len(groups) > 1 else "")
    if groups:
        report.kind = LAYOUTS[next((g.layout for g in groups if g.layout != "mose"), groups[0].layout)]
    return report


def _take(report: Report, found: Report, split: str) -> None:
    """What was found in a split, with the split's name where there are several."""
    mark = f"{split}: " if split else ""
    report.facts |= {f"{mark}{name}": fact for name, fact in found.facts.items()}
    report.notes += [f"{mark}{note}" for note in found.notes]
    report.problems += [f"{mark}{problem}" for problem in found.problems]


def _examine(group: Dataset, videos: Sequence[Seen], report: Report) -> None:
    if group.layout not in ("davis", "folders"):
        report.facts["split"] = f"{group.split}, {group.metadata.name if group.metadata else 'without metadata'}"
    report.facts |= facts(videos)
    report.notes += notes(videos)
    if group.layout != "folders" and any(s.video.masks for s in videos) and not any(s.video.frames for s in videos):
        report.notes.append("masks only: enough to score predictions, nothing to segment or to train on")
    _folders(group, videos, report)
    first_only = all(seen.first_only for seen in videos)
    for seen in videos:
        problems, remarks = check_listed(seen, first_only)
        report.problems += seen.problems + problems
        report.notes += remarks


def _folders(group: Dataset, videos: Sequence[Seen], report: Report) -> None:
    """Videos of which frames, masks or metadata are lacking, while others have them."""
    names = {seen.video.name: seen.video for seen in videos}
    gone = [name for name, video in names.items() if not video.frames and not video.masks]
    there = {name: video for name, video in names.items() if name not in gone}
    meta = group.metadata.name if group.metadata else ""
    kinds = {
        f"in {meta}, but without a folder": gone,
        "without frames": [name for name, video in there.items() if not video.frames],
        "without masks": [name for name, video in there.items() if not video.masks],
        f"that {meta} lacks": [name for name, video in there.items() if meta and not video.objects],
        f"in {IMAGES} without masks{' or metadata' if meta else ''}": _unknown(group, names),
    }
    for flaw, lacking in kinds.items():
        whole = flaw in ("without frames", "without masks") and len(lacking) == len(there)
        if lacking and not whole and group.layout != "folders":
            report.problems.append(f"{counted(len(lacking), 'video')} {flaw}: {some(lacking)}")
    if not there:
        report.problems.append("no video in it")


def _unknown(group: Dataset, names: Container[str]) -> list[str]:
    """Folders of frames that are no video of the split; in DAVIS the lists say what is one."""
    frames = group.root / IMAGES
    if group.layout in ("davis", "folders") or not frames.is_dir():
        return []
    return sorted(child.name for child in frames.iterdir() if child.is_dir() and child.name not in names)
