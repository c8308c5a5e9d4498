"""Small data sets in every layout, written from arrays of ids."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.dataset import Video
from longtake.data.layouts import open_dataset
from longtake.video.palette import voc_palette

Clips = Mapping[str, Sequence[np.ndarray]]


def disc(y: float, x: float, name: int = 1, radius: float = 8, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Ids of a frame with one disc."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    return (((ys - y) ** 2 + (xs - x) ** 2 < radius**2) * name).astype(np.uint8)


def clip(frames: int = 6, names: Sequence[int] = (1, 2), late: Mapping[int, int] | None = None) -> list[np.ndarray]:
    """Discs that move to the right; `late` gives the frame in which an id first comes."""
    found = []
    for t in range(frames):
        labels = np.zeros((48, 64), np.uint8)
        for row, name in enumerate(names):
            if t >= (late or {}).get(name, 0):
                moved = disc(12 + 24 * row, 12 + 4 * t, name)
                labels = np.where(moved > 0, moved, labels)
        found.append(labels)
    return found


def shifted(frames: Sequence[np.ndarray], by: int = 2) -> list[np.ndarray]:
    """The same ids a little further to the right: predictions that are nearly right."""
    return [np.roll(labels, by, axis=1) for labels in frames]


def save(path: Path, labels: np.ndarray) -> None:
    """A palette PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels, mode="P")
    image.putpalette(voc_palette().tobytes())
    image.save(path)


def picture(path: Path, labels: np.ndarray) -> None:
    """A photograph of sorts: the objects in their colours on noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(60, 100, (*labels.shape, 3)).astype(np.uint8)
    Image.fromarray(np.where(labels[..., None] > 0, voc_palette()[labels], noise)).save(path, quality=95)


def folders(root: Path, clips: Clips, step: int = 1, first: int = 0, digits: int = 5) -> Path:
    """ROOT/<video>/<frame>.png."""
    for video, frames in clips.items():
        for t, labels in enumerate(frames):
            save(root / video / f"{first + t * step:0{digits}d}.png", labels)
    return root


def davis(root: Path, clips: Clips, split: str = "val", year: str = "2017") -> Path:
    """DAVIS, with frames."""
    folders(root / "Annotations" / "480p", clips)
    for video, frames in clips.items():
        for t, labels in enumerate(frames):
            picture(root / "JPEGImages" / "480p" / video / f"{t:05d}.jpg", labels)
    sets = root / "ImageSets" / year
    sets.mkdir(parents=True, exist_ok=True)
    (sets / f"{split}.txt").write_text("\n".join(clips) + "\n")
    return root


def mose(root: Path, clips: Clips, split: str = "train", step: int = 1, first: int = 0, digits: int = 5) -> Path:
    """ROOT/<split>/{Annotations,JPEGImages}; returns the folder of the split."""
    folders(root / split / "Annotations", clips, step, first, digits)
    for video, frames in clips.items():
        for t, labels in enumerate(frames):
            picture(root / split / "JPEGImages" / video / f"{first + t * step:0{digits}d}.jpg", labels)
    return root / split


def youtube_vos(root: Path, clips: Clips, split: str = "valid", categories: Mapping[int, str] | None = None) -> Path:
    """Every fifth frame, and meta.json with the frames of each object from its first on."""
    folder = mose(root, clips, split, step=5)
    videos = {
        video: {
            "objects": {
                str(name): {
                    "category": (categories or {}).get(name, "thing"),
                    "frames": [f"{5 * t:05d}" for t in range(first_of(frames, name), len(frames))],
                }
                for name in names_in(frames)
            }
        }
        for video, frames in clips.items()
    }
    (folder / "meta.json").write_text(json.dumps({"videos": videos}))
    return root


def lvos(root: Path, clips: Clips, split: str = "valid", unseen: Sequence[str] = ()) -> Path:
    """Frames 1, 6, 11, ..., <split>_meta.json with the range of each object, unseen_videos.txt."""
    folder = mose(root, clips, split, step=5, first=1, digits=8)
    videos = {
        video: {
            "objects": {
                str(name): {
                    "frame_range": {
                        "start": f"{1 + 5 * first_of(frames, name):08d}",
                        "end": f"{1 + 5 * len(frames):08d}",
                        "frame_nums": str(len(frames) - first_of(frames, name)),
                    }
                }
                for name in names_in(frames)
            }
        }
        for video, frames in clips.items()
    }
    (folder / f"{split}_meta.json").write_text(json.dumps({"videos": videos}))
    (root / "unseen_videos.txt").write_text("\n".join(unseen))
    return root


def names_in(frames: Sequence[np.ndarray]) -> list[int]:
    return sorted({int(i) for labels in frames for i in np.unique(labels)} - {0, 255})


def first_of(frames: Sequence[np.ndarray], name: int) -> int:
    return next(t for t, labels in enumerate(frames) if (labels == name).any())


def opened(root: Path, clips: Clips) -> Video:
    """The first video of plain folders."""
    return open_dataset(folders(root, clips)).videos[0]
