"""Masks in folders: results as segment writes them, or mask images alone."""

import csv
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from longtake.errors import InputError, MaskError, SourceError
from longtake.export.exchange import MaskVideo, Regions, Still, regions_of
from longtake.export.parsed import folder_name
from longtake.video.images import UNREADABLE, images_in
from longtake.video.masks import Colours, read_masks
from longtake.video.prompts import mask_files
from longtake.video.spans import Mark, Span

TABLE, LABELS, PROBABILITIES, RECORD = "frames.csv", "labels", "probabilities", "run.json"


def is_results(path: Path) -> bool:
    """Whether segment wrote a folder."""
    return (path / TABLE).is_file() and (path / LABELS).is_dir()


def results_video(path: Path, name: str | None = None) -> MaskVideo:
    """The masks of a folder that segment wrote: the frames that its table has. Raises InputError, MaskError."""
    rows = _rows(path / TABLE)
    files = [path / LABELS / f"{row['name']}.png" for row in rows]
    if missing := next((file for file in files if not file.is_file()), None):
        raise MaskError(f"{missing}: is missing, though {path / TABLE} lists its frame; run segment again")
    source, title = recorded(path / RECORD)
    images = _images(source)
    size = size_of(files[0])
    stills = [
        Still(int(row["index"]), row["name"], size, images.get(row["name"], f"{row['name']}.jpg")) for row in rows
    ]
    first, last = stills[0].index, stills[-1].index
    span = Span(Mark(f"#{first}", frame=first) if first else None, Mark(f"#{last}", frame=last))
    soft = partial(_probabilities, path / PROBABILITIES, rows) if (path / PROBABILITIES).is_dir() else None
    return MaskVideo(
        folder_name(name or title or path.resolve().name), stills, _reader(stills, files), source, span, soft
    )


def images_video(path: Path) -> MaskVideo:
    """The masks of a folder of mask images. Raises MaskError where it holds none, or one is no image."""
    files = mask_files(path)
    if not files:
        raise MaskError(f"{path}: no folder of mask images")
    size = size_of(files[0])
    stills = [Still(index, file.stem, size, f"{file.stem}.jpg") for index, file in enumerate(files)]
    return MaskVideo(folder_name(path.resolve().name), stills, _reader(stills, files))


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image. Raises MaskError where it is none."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UNREADABLE as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error


def recorded(path: Path) -> tuple[str | None, str | None]:
    """Address and name of the source in a run's record; None where there is none."""
    try:
        source = json.loads(path.read_text(encoding="utf-8"))["source"]
        return str(source["address"]), str(source["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def _reader(stills: list[Still], files: list[Path]) -> Callable[[int], Regions]:
    colours = Colours()

    def check(place: int, size: tuple[int, ...]) -> None:
        if size != stills[place].size:
            (height, width), (due_height, due_width) = size, stills[place].size
            raise MaskError(
                f"{files[place]}: {width}x{height} pixels, but {files[0].name} is {due_width}x{due_height}; "
                "all masks of a video must agree"
            )

    def read(place: int) -> Regions:
        check(place, size_of(files[place]))  # before an image of whatever size is decoded
        labels = _labels(files[place], colours)
        check(place, labels.shape)
        return regions_of(labels)

    return read


def _labels(path: Path, colours: Colours) -> Shaped[np.ndarray, "h w"]:
    """Ids; those in 16 bits as they are stored, for nobody paints in them."""
    try:
        with Image.open(path) as image:
            if image.mode == "I;16":
                return np.array(image)
    except UNREADABLE as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error
    return read_masks(path, colours).labels


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
        if rows and all(row["index"].isdecimal() and row["name"] for row in rows):
            return rows
    except (OSError, csv.Error, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no table of frames as segment writes it ({error})") from error
    raise InputError(f"{path}: no table of frames as segment writes it{'' if rows else ' (it lists none)'}")


def _images(source: str | None) -> dict[str, str]:
    """The file of each frame where the source is a folder of images."""
    try:
        return {file.stem: file.name for file in images_in(Path(source))} if source else {}
    except SourceError:
        return {}


def _probabilities(folder: Path, rows: list[dict[str, Any]], place: int) -> Mapping[int, np.ndarray]:
    """Of a frame's objects, in the order of the table, which is that of the stored planes."""
    row = rows[place]
    ids = [int(key.removeprefix("presence_")) for key, cell in row.items() if key.startswith("presence_") and cell]
    path = folder / f"{row['name']}.npy"
    try:
        planes = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: no probabilities can be read ({error}); run segment again") from error
    if planes.ndim != 3 or planes.dtype != np.float32 or len(planes) != len(ids) + 1:
        raise InputError(f"{path}: not the probabilities of {len(ids)} objects, which {TABLE} lists")
    return dict(zip([0, *ids], planes, strict=True))
