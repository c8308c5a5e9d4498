"""Data sets found out by looking: DAVIS, YouTube-VOS, LVOS, MOSE, or plain folders.

DAVIS        ROOT/ImageSets/<year>/<split>.txt, ROOT/{JPEGImages,Annotations}/480p/<video>/<frame>
YouTube-VOS  ROOT/<split>/{JPEGImages,Annotations}/<video>/<frame>, meta.json with the frames of each object
LVOS         the same, <split>_meta.json with a range of frames for each object; beside it captions and attributes
MOSE         the same without metadata
folders      ROOT/<video>/<frame>, or the frames of one video alone
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from longtake.data.dataset import IMAGES, MASKS, RESOLUTION, Dataset, Video, by_name, check_folder, folders_in
from longtake.data.metadata import (
    ListedVideo,
    find_beside,
    find_metadata,
    read_metadata,
    with_attributes,
    with_captions,
)
from longtake.errors import InputError
from longtake.video.images import images_in

SPLITS = ("val", "valid")
"""What is taken where a data set has several splits and none is named."""


def open_dataset(root: Path, split: str | None = None, year: str | None = None) -> Dataset:
    """The data set at a path: its root, the folder of one split, or a folder of a folder per video.

    split: its name, or a text file with the name of a video on each line. year: of the DAVIS lists, where there are
    several. Raises InputError where nothing of the kind is there, or the split has to be named or is not there.
    """
    check_folder(root, "give a data set, one of its splits, or a folder per video")
    if split is None or not _is_list(split):
        return _opened(root, split, year)
    wanted = names_in(Path(split))
    dataset = _davis(root, None, year, wanted) if (root / "ImageSets").is_dir() else _opened(root, None, year)
    videos = {video.name: video for video in dataset.videos if video.masks or video.frames}
    lacking = [name for name in wanted if name not in videos]
    if lacking or not wanted:
        flaw = f"{dataset.root} has no video {lacking[0]}" if lacking else "names no video"
        raise InputError(f"{split}: {flaw}; a line holds the name of a video")
    return replace(dataset, split=Path(split).stem, year=None, videos=[videos[name] for name in wanted])


def open_splits(root: Path) -> Dataset:
    """All splits of a data set as one; a video of several lists of DAVIS counts once. Raises InputError."""
    names = splits_in(root)
    if len(names) < 2:
        return open_dataset(root)
    parts = {name: open_dataset(root, name) for name in names}
    found: dict[str, Video] = {}
    for split, part in parts.items():
        for video in part.videos:
            known = found.get(video.name, video)
            name = video.name if known == video else f"{split}/{video.name}"
            found[name] = replace(video, name=name)
    last = parts[names[-1]]
    return Dataset(last.layout, root, ", ".join(names), list(found.values()))


def splits_in(root: Path) -> list[str]:
    """The splits below a data set's root, by name; none where it is a split itself, or a folder per video."""
    if (root / "ImageSets").is_dir():
        return sorted({path.stem for path in (root / "ImageSets").glob("*/*.txt")})
    if (root / MASKS).is_dir():
        return []
    return [child.name for child in folders_in(root) if (child / MASKS).is_dir()]


def is_dataset(path: Path) -> bool:
    """Whether a folder holds videos rather than the frames of one."""
    if not path.is_dir() or images_in(path):
        return False
    return any((path / name).is_dir() for name in ("ImageSets", MASKS, IMAGES)) or any(
        bool(images_in(child)) or (child / MASKS).is_dir() for child in folders_in(path)
    )


def names_in(path: Path) -> list[str]:
    """The videos that a list names; lines of the first DAVIS release name a file each, of which the folder counts."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable list ({error}); a line holds the name of a video") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return list(dict.fromkeys(Path(line.split()[0]).parent.name if line.startswith("/") else line for line in lines))


def _is_list(split: str) -> bool:
    """Whether a split is given as a list of videos. Raises InputError where it would be one, but is not there."""
    path = Path(split)
    if not path.is_file() and (path.suffix == ".txt" or len(path.parts) > 1):
        raise InputError(f"{split}: no such file; --split takes a split's name, or a list of videos, one a line")
    return path.is_file()


def _opened(root: Path, split: str | None, year: str | None) -> Dataset:
    if (root / "ImageSets").is_dir():
        return _davis(root, split, year, None)
    if splits := splits_in(root):
        return _named_split(root, split, splits)
    if (root / MASKS).is_dir():
        if split not in (None, root.name) and find_metadata(root, split) != root / f"{split}_meta.json":
            raise InputError(f"{root}: is a split itself, {root.name}; leave --split out, or give the folder above it")
        return _split_folder(root, split, root)
    if split is not None:
        raise InputError(f"{root}: a folder of videos, which has no split {split}; --split may name a list of videos")
    return _folders(_resolution(root))


def _resolution(masks: Path) -> Path:
    """The folder that holds those of the videos: the one given, or one of a resolution in it, 480p first."""
    inner = [child for child in folders_in(masks) if not images_in(child) and any(map(images_in, folders_in(child)))]
    return min(inner, key=lambda child: (child.name != RESOLUTION, child.name)) if inner else masks


def _davis(root: Path, split: str | None, year: str | None, wanted: list[str] | None) -> Dataset:
    lists = {(path.parent.name, path.stem): path for path in sorted((root / "ImageSets").glob("*/*.txt"))}
    names = wanted or []
    if wanted is None:
        year, split = _davis_list(root, list(lists), split, year)
        names = names_in(lists[year, split])
    base = _resolution(root / MASKS)
    if base == root / MASKS:
        raise InputError(f"{base}: no folder {RESOLUTION} or any other with masks")
    videos = [Video(name, by_name(root / IMAGES / base.name / name, "jpg"), by_name(base / name)) for name in names]
    return Dataset("davis", root, split or "", _known(root, videos) if wanted is None else videos, year=year)


def _davis_list(root: Path, lists: Sequence[tuple[str, str]], split: str | None, year: str | None) -> tuple[str, str]:
    """Year and name of the list that is meant: of the given year if it is there, else of the latest that has it."""
    years = sorted({y for y, _ in lists}, key=lambda y: (y == year, y), reverse=True)
    splits = [name for y, name in lists if y == years[0]] if years else []
    split = split or _choice(root, splits)
    at = next((y for y in years if (y, split) in lists), None)
    if at is None:
        raise InputError(f"{root}: no ImageSets/*/{split}.txt; its splits are {', '.join(splits) or 'missing'}")
    return at, split


def _choice(root: Path, splits: Sequence[str]) -> str:
    """The split that is meant where none is named."""
    if len(splits) == 1:
        return splits[0]
    if usual := [name for name in SPLITS if name in splits]:
        return usual[0]
    raise InputError(f"{root}: has the splits {', '.join(splits) or 'none'}; name one with --split")


def _named_split(root: Path, split: str | None, splits: Sequence[str]) -> Dataset:
    """A split of YouTube-VOS, LVOS or MOSE; `valid_all_frames` has the masks and metadata of `valid`."""
    split = split or _choice(root, splits)
    masks = split if split in splits else split.removesuffix("_all_frames")
    if masks not in splits:
        raise InputError(f"{root}: no split {split}; its splits are {', '.join(splits)}")
    return _split_folder(root / masks, split, root / split)


def _split_folder(folder: Path, split: str | None, images: Path) -> Dataset:
    """Videos in the order of the metadata, where there is any."""
    inner = _resolution(folder / MASKS)
    if inner != folder / MASKS:
        return _folders(inner, images / IMAGES / inner.name)
    meta = find_metadata(folder, split)
    kind, listed = read_metadata(meta) if meta else ("mose", {})
    if meta:
        listed = with_captions(listed, find_beside(meta, split, "expression_meta"))
        listed = with_attributes(listed, find_beside(meta, split, "meta_attribute"))
    names = [*listed, *(child.name for child in folders_in(folder / MASKS) if child.name not in listed)]
    videos = [_in_split(folder, images, name, listed) for name in names]
    return Dataset(kind, folder, split or folder.name, _known(folder, videos), meta)


def _in_split(folder: Path, images: Path, name: str, listed: Mapping[str, ListedVideo]) -> Video:
    frames, masks = by_name(images / IMAGES / name, "jpg"), by_name(folder / MASKS / name)
    own = listed.get(name, ListedVideo({}))
    return Video(name, frames, masks, own.objects, own.attributes)


def _folders(root: Path, images: Path | None = None) -> Dataset:
    videos = [Video(f.name, by_name(images / f.name, "jpg") if images else {}, by_name(f)) for f in folders_in(root)]
    if videos := [video for video in videos if video.masks]:
        return Dataset("folders", root, "all", videos)
    return Dataset("folders", root, "all", _known(root, [Video(root.name, {}, by_name(root))]))


def _known(root: Path, videos: list[Video]) -> list[Video]:
    if not any(video.masks for video in videos):
        raise InputError(f"{root}: no masks in it; give a data set, one of its splits, or a folder of masks per video")
    return videos
