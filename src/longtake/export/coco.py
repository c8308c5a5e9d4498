"""COCO instances: one JSON with a picture per frame and a mask per object, as compressed run lengths.

Beyond what COCO defines there are `videos`; a picture's `video_id` and `frame_id`; an annotation's `track_id`, which is
the object's id. Readers that do not know them pass over them.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from longtake.export.exchange import OBJECT, MaskVideo, Region, Regions, Report, Still, cut
from longtake.export.parsed import Parsed, named_apart, renumbered
from longtake.video.images import natural_order
from longtake.video.rle import drawn, run_lengths
from longtake.video.sinks import output
from longtake.video.whole import whole


class Categories:
    """Numbers from 1 on for the names of categories, as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The number of a category."""
        return self.numbers.setdefault(name, len(self.numbers) + 1)

    def listed(self) -> list[dict[str, Any]]:
        """As JSON has them; the category of nameless objects where there is none."""
        return [{"id": number, "name": name} for name, number in (self.numbers or {OBJECT: 1}).items()]


class Items:
    """The items of a JSON list, written as they come."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.count = file, 0

    def add(self, item: Any) -> int:
        """Append one; returns its number, from 1 on."""
        self.file.write(f"{',' if self.count else ''}\n{json.dumps(item)}")
        self.count += 1
        return self.count


def write_coco(videos: Sequence[MaskVideo], path: Path, report: Report = lambda done, count: None) -> None:
    """Write the masks of videos. Raises OutputError, MissingExtraError, and what reading the masks raises.

    Annotations wait in a file of their own until all pictures are listed, so that memory does not grow.
    """
    run = _Writing(videos, report)
    with (
        output(path),
        whole(path) as partial,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent) as waiting,
        partial.open("w", encoding="utf-8") as file,
    ):
        listed = [{"id": number, "name": video.name} for number, video in enumerate(videos, 1)]
        file.write(f'{{"videos": {json.dumps(listed)},\n"images": [')
        run.frames(Items(file), Items(waiting))
        file.write('],\n"annotations": [')
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write(f'],\n"categories": {json.dumps(run.categories.listed())}}}\n')


class _Writing:
    def __init__(self, videos: Sequence[MaskVideo], report: Report) -> None:
        self.videos, self.report = videos, report
        self.categories = Categories()

    def frames(self, images: Items, annotations: Items) -> None:
        total = sum(len(video.stills) for video in self.videos)
        for number, video in enumerate(self.videos, 1):
            folder = f"{video.name}/" if len(self.videos) > 1 else ""
            for place, still in enumerate(video.stills):
                height, width = still.size
                picture = {"id": images.count + 1, "file_name": folder + still.file, "height": height, "width": width}
                image = images.add(picture | {"video_id": number, "frame_id": still.index})
                for name, region in video.read(place).items():
                    annotations.add(
                        {
                            "id": annotations.count + 1,
                            "image_id": image,
                            "category_id": self.categories.number(region.category),
                            "track_id": name,
                            "segmentation": run_lengths(region.mask(still.size)),
                            "area": region.area,
                            "bbox": region.box,
                            "iscrowd": 0,
                        }
                    )
                self.report(image, total)


def read_coco(parsed: Parsed) -> list[MaskVideo]:
    """The videos of a COCO file: as `videos` lists them, or a folder of pictures each.

    Objects are told apart by `track_id`; without one, every annotation of a picture is an object of its own, numbered
    as they come. Crowds are left out. Raises InputError naming what is wrong.
    """
    content = parsed.content
    with parsed.problems():
        videos = {int(video["id"]): str(video["name"]) for video in content.get("videos", [])}
        pictures = {int(picture["id"]): picture for picture in content["images"]}
        categories = {int(each["id"]): str(each["name"]) for each in content.get("categories", [])}
        owned: dict[int, list[Mapping[str, Any]]] = {number: [] for number in pictures}
        for found in content["annotations"]:
            if not found.get("iscrowd", 0):
                with parsed.problems(f"annotation {found['id']}"):
                    if found["image_id"] not in owned:
                        raise ValueError(f"a mask of image {found['image_id']}, which is not listed")
                    owned[found["image_id"]].append(found)
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for picture in pictures.values():
            groups.setdefault(_video_of(picture, videos, parsed.path), []).append(picture)
        return [
            _video(parsed, name, sorted(group, key=_order), owned, categories)
            for name, group in named_apart(groups, parsed.path)
        ]


def _video_of(picture: Mapping[str, Any], videos: Mapping[int, str], path: Path) -> str:
    if (number := picture.get("video_id")) is not None and int(number) in videos:
        return videos[int(number)]
    folder = Path(str(picture["file_name"])).parent
    return path.stem if folder == Path() else str(folder)


def _order(picture: Mapping[str, Any]) -> tuple[int, Any]:
    number = picture.get("frame_id")
    return (0, int(number)) if number is not None else (1, natural_order(Path(str(picture["file_name"]))))


def _video(
    parsed: Parsed,
    name: str,
    pictures: Sequence[Mapping[str, Any]],
    owned: Mapping[int, Iterable[Mapping[str, Any]]],
    categories: Mapping[int, str],
) -> MaskVideo:
    stills = parsed.stills(
        Still(
            int(picture.get("frame_id", place)),
            Path(str(picture["file_name"])).stem,
            (int(picture["height"]), int(picture["width"])),
            Path(str(picture["file_name"])).name,
        )
        for place, picture in enumerate(pictures)
    )
    tracked = all("track_id" in found for picture in pictures for found in owned[int(picture["id"])])
    ids = [found["track_id"] for picture in pictures for found in owned[int(picture["id"])]] if tracked else []
    new = parsed.new_ids(name, ids)
    if not tracked:
        parsed.tell(f"{name}: no track_id, so the objects of each frame are numbered as they come")

    def read(place: int) -> Regions:
        regions: dict[int, Region] = {}
        for number, found in enumerate(owned[int(pictures[place]["id"])], 1):
            with parsed.problems(f"annotation {found['id']}"):
                label = renumbered(int(found["track_id"]), new) if tracked else number
                category = categories.get(int(found.get("category_id", 0)), OBJECT)
                parsed.add(regions, label, cut(drawn(found["segmentation"], stills[place].size), category))
        return regions

    return MaskVideo(name, stills, read, tracked=tracked)
