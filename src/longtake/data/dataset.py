"""Data sets of videos with masks, whatever their layout: DAVIS, YouTube-VOS, LVOS, MOSE, or plain folders.

DAVIS        ROOT/ImageSets/<year>/<split>.txt, ROOT/{JPEGImages,Annotations}/480p/<video>/<frame>
YouTube-VOS  ROOT/<split>/{JPEGImages,Annotations}/<video>/<frame>, meta.json with the frames of each object
LVOS         the same, <split>_meta.json with a range of frames for each object
MOSE         the same without metadata
folders      ROOT/<video>/<frame>, or the frames of one video alone
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from longtake.data.metadata import Listed, find_metadata, read_metadata
from longtake.errors import InputError
from longtake.video.images import images_in

Layout = Literal["davis", "youtube-vos", "lvos", "mose", "folders"]

SPLITS = ("val", "valid")
"""What is taken where a data set has several splits and none is named."""

RESOLUTION = "480p"
MASKS, IMAGES = "Annotations", "JPEGImages"


@dataclass(frozen=True)
class Video:
    """A video: frames and masks by name, in order of time, and what its metadata lists of its objects."""

    name: str
    frames: Mapping[str, Path]
    masks: Mapping[str, Path]
    objects: Mapping[int, Listed] = field(default_factory=dict)
    """Empty where there is no metadata."""

    @property
    def pairs(self) -> list[tuple[Path, Path]]:
        """The frames that have a mask, with it."""
        return [(frame, self.masks[name]) for name, frame in self.frames.items() if name in self.masks]


@dataclass(frozen=True)
class Dataset:
    """The videos of a split."""

    layout: Layout
    root: Path
    split: str
    videos: Sequence[Video]
    metadata: Path | None = None


def open_dataset(root: Path, split: str | None = None, year: str | None = None) -> Dataset:
    """The data set at a path: its root, the folder of one split, or a folder of a folder per video.

    split: its name, or a text file with the name of a video on each line. year: of the DAVIS lists, where there are
    several. Raises InputError where nothing of the kind is there, or the split has to be named.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give a data set, one of its splits, or a folder per video")
    wanted = names_in(Path(split)) if split and Path(split).is_file() else None
    named = None if wanted is not None else split
    if (root / "ImageSets").is_dir():
        dataset = _davis(root, named, year, wanted)
    elif (root / MASKS).is_dir():
        dataset = _split_folder(root, named, root)
    elif splits := splits_in(root):
        dataset = _named_split(root, named, splits)
    else:
        dataset = _folders(root)
    if wanted is None or dataset.layout == "davis":
        return dataset
    videos = {video.name: video for video in dataset.videos}
    if lacking := [name for name in wanted if name not in videos]:
        raise InputError(f"{split}: {dataset.root} has no video {lacking[0]}; a line holds the name of a video")
    return Dataset(dataset.layout, root, Path(str(split)).stem, [videos[name] for name in wanted], dataset.metadata)


def splits_in(root: Path) -> list[str]:
    """The splits below a data set's root, by name; none where it is a split itself, or a folder per video."""
    if (root / "ImageSets").is_dir():
        return sorted({path.stem for path in (root / "ImageSets").glob("*/*.txt")})
    if (root / MASKS).is_dir():
        return []
    return sorted(child.name for child in root.iterdir() if (child / MASKS).is_dir())


def is_dataset(path: Path) -> bool:
    """Whether a folder holds videos rather than the frames of one."""
    if not path.is_dir() or images_in(path):
        return False
    return any((path / name).is_dir() for name in ("ImageSets", MASKS, IMAGES)) or any(
        child.is_dir() and (bool(images_in(child)) or (child / MASKS).is_dir()) for child in path.iterdir()
    )


def masks_by_video(root: Path, videos: Sequence[str]) -> dict[str, dict[str, Path]]:
    """Folders of predictions for these videos; a video without a folder is left out.

    They may lie at the root, or below it as in a data set. Where the root holds images itself, they are the only
    video's. Raises InputError where there is none at all.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; predictions are a folder per video with a mask per frame")
    if (own := by_name(root)) and len(videos) == 1:
        return {videos[0]: own}
    places = [root, root / MASKS / RESOLUTION, root / MASKS, *(child / MASKS for child in sorted(root.iterdir()))]
    best = max(places, key=lambda place: sum((place / name).is_dir() for name in videos))
    found = {name: by_name(best / name) for name in videos if (best / name).is_dir()}
    if not found:
        some = ", ".join(list(videos)[:3])
        raise InputError(f"{root}: no folder of predictions for any of the {len(videos)} videos ({some}, ...)")
    return found


def by_name(folder: Path, ending: str = "png") -> dict[str, Path]:
    """The images of a folder by their stem, in natural order; those with the given ending where there are any."""
    if not folder.is_dir():
        return {}
    files = images_in(folder)
    return {file.stem: file for file in [f for f in files if f.suffix.lower() == f".{ending}"] or files}


def names_in(path: Path) -> list[str]:
    """The videos that a list names; lines of the first DAVIS release name a file each, of which the folder counts."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable list ({error}); a line holds the name of a video") from error
    lines = [line.split()[0] for line in text.splitlines() if line.strip()]
    return list(dict.fromkeys(Path(line).parent.name if line.startswith("/") else line for line in lines))


def _davis(root: Path, split: str | None, year: str | None, wanted: list[str] | None) -> Dataset:
    lists = {(path.parent.name, path.stem): path for path in sorted((root / "ImageSets").glob("*/*.txt"))}
    if wanted is None:
        split, names = _davis_list(root, lists, split, year)
    else:
        split, names = "a list", wanted
    base = root / MASKS / RESOLUTION if (root / MASKS / RESOLUTION).is_dir() else _only_folder(root / MASKS)
    videos = [Video(name, by_name(root / IMAGES / base.name / name, "jpg"), by_name(base / name)) for name in names]
    return Dataset("davis", root, split, _known(root, videos))


def _davis_list(
    root: Path, lists: Mapping[tuple[str, str], Path], split: str | None, year: str | None
) -> tuple[str, list[str]]:
    years = sorted({y for y, _ in lists})
    chosen = year if year in years else years[-1] if years else ""
    splits = [name for y, name in lists if y == chosen]
    split = split or _choice(root, splits)
    at = next((y for y in (chosen, *reversed(years)) if (y, split) in lists), None)
    if at is None:
        raise InputError(f"{root}: no ImageSets/*/{split}.txt; its splits are {', '.join(splits) or 'missing'}")
    return split, names_in(lists[at, split])


def _choice(root: Path, splits: Sequence[str]) -> str:
    """The split that is meant where none is named."""
    if len(splits) == 1:
        return splits[0]
    if usual := [name for name in SPLITS if name in splits]:
        return usual[0]
    raise InputError(f"{root}: has the splits {', '.join(splits)}; name one with --split")


def _only_folder(path: Path) -> Path:
    folders = sorted(child for child in path.iterdir() if child.is_dir()) if path.is_dir() else []
    if not folders:
        raise InputError(f"{path}: no folder {RESOLUTION} or any other with masks")
    return folders[0]


def _named_split(root: Path, split: str | None, splits: Sequence[str]) -> Dataset:
    """A split of YouTube-VOS, LVOS or MOSE; `valid_all_frames` has the masks and metadata of `valid`."""
    split = split or _choice(root, splits)
    masks = split if split in splits else split.removesuffix("_all_frames")
    if masks not in splits:
        raise InputError(f"{root}: no split {split}; its splits are {', '.join(splits)}")
    return _split_folder(root / masks, split, root / split)


def _split_folder(folder: Path, split: str | None, images: Path) -> Dataset:
    meta = find_metadata(folder, split)
    kind, listed = read_metadata(meta) if meta else ("mose", {})
    names = sorted(child.name for child in (folder / MASKS).iterdir() if child.is_dir())
    if names == [RESOLUTION]:
        return _folders(folder / MASKS / RESOLUTION, folder / IMAGES / RESOLUTION)
    videos = [
        Video(name, by_name(images / IMAGES / name, "jpg"), by_name(folder / MASKS / name), listed.get(name, {}))
        for name in sorted({*names, *listed})
    ]
    return Dataset(kind, folder, split or folder.name, _known(folder, videos), meta)


def _folders(root: Path, images: Path | None = None) -> Dataset:
    if own := by_name(root):
        return Dataset("folders", root, "all", [Video(root.name, {}, own)])
    folders = sorted(child for child in root.iterdir() if child.is_dir())
    videos = [Video(f.name, by_name(images / f.name, "jpg") if images else {}, by_name(f)) for f in folders]
    return Dataset("folders", root, "all", _known(root, [video for video in videos if video.masks]))


def _known(root: Path, videos: list[Video]) -> list[Video]:
    if not any(video.masks for video in videos):
        raise InputError(f"{root}: no masks in it; give a data set, one of its splits, or a folder of masks per video")
    return videos
