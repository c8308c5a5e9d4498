"""Videos and masks of one's own, in whatever form, found by looking.

DATA     a folder with masks, and frames beside them; or one of them alone, the other beside it
masks    `Annotations` or `masks`: a folder of mask images for each video, or of the only one's; a folder named like a
         video file; a .json of COCO or YouTube-VIS; an .xml of CVAT; a folder of YOLO; what segment wrote
frames   DATA itself, `JPEGImages`, `frames`, `images`, `videos` or `video`: a video file or a folder of images for each
         video; of what segment wrote, the video that it names

Masks and frames belong together by their video's name; where there is one of each, whatever their names are.
"""

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from longtake.data.dataset import IMAGES, folders_in
from longtake.data.dataset import MASKS as ANNOTATIONS
from longtake.data.layouts import splits_in
from longtake.data.stills import is_stills
from longtake.errors import InputError
from longtake.export.convert import open_masks
from longtake.export.exchange import MaskVideo
from longtake.export.folders import is_results
from longtake.export.yolo import is_yolo
from longtake.video.images import images_in

FRAMES = (IMAGES, "frames", "images", "videos", "video")
BARE = ("frames", "videos", "video")
"""Names that tell by themselves that masks are lacking, where there are none."""
MASKS = (ANNOTATIONS, "masks")
EXPORTS = frozenset({".json", ".xml"})
VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv"})
ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"})


@dataclass(frozen=True)
class Own:
    """Where the masks are, and the frames by their video's name; sparse: a frame without masks was not annotated."""

    masks: Path
    frames: Mapping[str, Path]
    sparse: bool = False
    yolo: bool = False

    def open(self) -> list[MaskVideo]:
        """The masks, video by video. Raises InputError where they cannot be told, or are not there."""
        if not self.masks.exists():
            raise InputError(f"no masks; put mask images, named like the video's frames, into {self.masks}")
        if self.sparse and self.masks.is_dir() and not self.yolo:
            names = ", ".join(file.name for file in _exports_in(self.masks))
            raise InputError(f"several exports ({names}); give --data the file that is meant")
        if self.yolo:
            return open_masks(self.masks, "yolo", self._sizes())
        folders = [frames for frames in self.frames.values() if frames.is_dir()]
        return open_masks(self.masks, frames=folders[0] if len(self.frames) == len(folders) == 1 else None)

    def _sizes(self) -> Path:
        """What tells YOLO's files the sizes of their frames."""
        images = self.masks / "images"
        found = images if images.is_dir() else next(iter(self.frames.values()), None)
        if found is None:
            raise InputError("YOLO's files hold no sizes; put the video, or its images as images/, beside labels/")
        return found

    def frames_of(self, video: MaskVideo, alone: bool) -> Path | None:
        """The frames of a video, None where there are none; alone: whether there are masks of no other."""
        if video.name in self.frames:
            return self.frames[video.name]
        if alone and len(self.frames) == 1:
            return next(iter(self.frames.values()))
        return Path(video.source) if video.source and Path(video.source).exists() else None


def is_own(path: Path) -> bool:
    """Whether a path holds videos and masks in a form that no layout of data sets has."""
    return find_own(path) is not None


def find_own(path: Path) -> Own | None:
    """What is at a path; None where it is nothing of the kind."""
    if path.is_file():
        return _beside(path)
    if not path.is_dir() or is_project(path) or is_stills(path) or (path / "ImageSets").is_dir() or splits_in(path):
        return None
    ways: tuple[Callable[[Path], Own | None], ...] = (_results, _exports, _folders, _yolo, _named, _bare)
    return next((own for way in ways if (own := way(path)) is not None), None)


def is_project(path: Path) -> bool:
    """Whether a folder is what annotate keeps, whose masks are no files yet."""
    return (path / "project.sqlite").is_file()


def unknown(path: Path) -> str:
    """Why a path is no training data, and what to do."""
    if not path.exists():
        return "no such file or folder; --data names training data"
    if is_project(path):
        return "a project of annotate; export it on its page in the LVOS layout, unpack that, and give its folder lvos"
    if path.suffix.lower() in ARCHIVES:
        return f"an archive; unpack it first: unzip {path} -d {path.with_suffix('')}"
    return "no training data: give videos or frames beside masks, or an export of COCO, YouTube-VIS, CVAT or YOLO"


def _beside(path: Path) -> Own | None:
    """An export with its frames beside it, or a video with its masks."""
    if path.suffix.lower() in EXPORTS:
        return Own(path, _frames(path.parent), sparse=True)
    if path.suffix.lower() not in VIDEOS:
        return None
    places = [path.with_suffix(""), *(path.parent / name for name in MASKS)]
    return Own(next((place for place in places if _has_images(place)), places[0]), {path.stem: path})


def _results(path: Path) -> Own | None:
    return Own(path, {}) if is_results(path) else None


def _exports(path: Path) -> Own | None:
    found = _exports_in(path)
    return Own(found[0] if len(found) == 1 else path, _frames(path), sparse=True) if found else None


def _folders(path: Path) -> Own | None:
    """Mask images beside frames; those of a data set's layout are no one's own."""
    masks = next((path / name for name in MASKS if _has_images(path / name)), None)
    if masks is None or (masks.name == ANNOTATIONS and (path / IMAGES).is_dir() and not _videos(path / IMAGES)):
        return None
    return Own(masks, _frames(path))


def _yolo(path: Path) -> Own | None:
    return Own(path, _frames(path), sparse=True, yolo=True) if is_yolo(path) else None


def _named(path: Path) -> Own | None:
    """Video files with folders of mask images beside them."""
    videos = _videos(path)
    return Own(path, videos) if videos and any(map(images_in, folders_in(path))) else None


def _bare(path: Path) -> Own | None:
    """Frames whose masks are lacking."""
    there = any((path / name).is_dir() for name in BARE)
    return Own(path / MASKS[-1], _frames(path)) if there and _frames(path) else None


def _exports_in(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.is_file() and _is_export(file)]


def _is_export(file: Path) -> bool:
    """Whether a file is an .xml, or a .json that lists annotations; other files that lie beside do not."""
    if file.suffix.lower() != ".json" or not file.stat().st_size:
        return file.suffix.lower() == ".xml"
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b'"annotations"') >= 0


def _has_images(folder: Path) -> bool:
    """Whether a folder, or one in it, holds images."""
    return folder.is_dir() and (bool(images_in(folder)) or any(map(images_in, folders_in(folder))))


def _videos(folder: Path) -> dict[str, Path]:
    return {file.stem: file for file in sorted(folder.iterdir()) if file.suffix.lower() in VIDEOS}


def _frames(folder: Path) -> dict[str, Path]:
    """Video files and folders of images, by the names of their videos."""
    found = _videos(folder)
    for place in (folder / name for name in FRAMES if (folder / name).is_dir()):
        found |= _videos(place) | {child.name: child for child in folders_in(place) if images_in(child)}
        if images_in(place):
            found[place.name] = place
    return found
