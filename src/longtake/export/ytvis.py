"""YouTube-VIS: one JSON with an annotation per object, which lists its mask in every frame of its video, or none.

Beyond what the format defines an annotation has `track_id`, the object's id within its video; `id` is unique in the
file.
"""

import json
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from longtake.export.coco import Categories, Items
from longtake.export.exchange import OBJECT, MaskVideo, Region, Regions, Report, Still, cut
from longtake.export.parsed import Parsed, named_apart, renumbered
from longtake.video.rle import drawn, run_lengths
from longtake.video.sinks import output
from longtake.video.whole import whole


def write_ytvis(videos: Sequence[MaskVideo], path: Path, report: Report = lambda done, count: None) -> None:
    """Write the masks of videos. Raises OutputError, MissingExtraError, and what reading the masks raises."""
    categories = Categories()
    done, total = 0, sum(len(video.stills) for video in videos)
    with output(path), whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        listed = [_listed(number, video) for number, video in enumerate(videos, 1)]
        file.write(f'{{"videos": {json.dumps(listed)},\n"annotations": [')
        annotations = 0
        for number, video in enumerate(videos, 1):
            with tempfile.TemporaryFile("w+b", dir=path.parent) as waiting:
                objects = _Objects(waiting)
                for place, still in enumerate(video.stills):
                    for name, region in video.read(place).items():
                        category = categories.number(region.category)
                        lengths = run_lengths(region.mask(still.size))
                        objects.add(name, category, place, [lengths, region.box, region.area])
                    done += 1
                    report(done, total)
                for name, category in objects.categories.items():
                    file.write("," if annotations else "")
                    annotations += 1
                    height, width = video.stills[0].size
                    facts = {"id": annotations, "video_id": number, "track_id": name, "category_id": category}
                    facts |= {"iscrowd": 0, "height": height, "width": width, "length": len(video.stills)}
                    file.write(f"\n{json.dumps(facts)[:-1]}")
                    for k, key in enumerate(("segmentations", "bboxes", "areas")):
                        file.write(f', "{key}": [')
                        items = Items(file)
                        for found in objects.through(name, len(video.stills)):
                            items.add(found and found[k])
                        file.write("]")
                    file.write("}")
        file.write(f'],\n"categories": {json.dumps(categories.listed())}}}\n')


def _listed(number: int, video: MaskVideo) -> dict[str, Any]:
    height, width = video.stills[0].size
    names = [f"{video.name}/{still.file}" for still in video.stills]
    facts = {"id": number, "name": video.name, "height": height, "width": width, "length": len(names)}
    return facts | {"file_names": names}


class _Objects:
    """What objects have in the frames of a video, kept in a file: it comes frame by frame and goes object by object."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.categories: dict[int, int] = {}
        self.places: dict[int, array[int]] = {}

    def add(self, name: int, category: int, place: int, found: Any) -> None:
        """One object of one frame, in order of the frames."""
        self.categories.setdefault(name, category)
        self.places.setdefault(name, array("q")).extend((place, self.file.tell()))
        self.file.write(json.dumps(found).encode() + b"\n")

    def through(self, name: int, length: int) -> Iterator[Any]:
        """What an object has in each of the frames, None where it has nothing."""
        places = self.places[name]
        known = dict(zip(places[::2], places[1::2], strict=True))
        for place in range(length):
            if place in known:
                self.file.seek(known[place])
                yield json.loads(self.file.readline())
            else:
                yield None


def read_ytvis(parsed: Parsed) -> list[MaskVideo]:
    """The videos of a YouTube-VIS file.

    Objects keep their `track_id`; without one they are numbered within their video, in the order of the file. Crowds
    are left out. Raises InputError naming what is wrong.
    """
    content = parsed.content
    with parsed.problems():
        videos = {int(video["id"]): video for video in content["videos"]}
        categories = {int(each["id"]): str(each["name"]) for each in content.get("categories", [])}
        owned: dict[int, list[Mapping[str, Any]]] = {number: [] for number in videos}
        for found in content["annotations"]:
            with parsed.problems(f"annotation {found['id']}"):
                if found["video_id"] not in videos:
                    raise ValueError(f"an object of video {found['video_id']}, which is not listed")
                length, due = len(found["segmentations"]), len(videos[found["video_id"]]["file_names"])
                if length != due:
                    raise ValueError(f"{length} masks for the {due} frames of its video")
                if not found.get("iscrowd", 0):
                    owned[found["video_id"]].append(found)
        names = {_name(video): number for number, video in videos.items()}
        if len(names) < len(videos):
            names = {f"{name}": number for number, name in ((n, f"{_name(v)}_{n}") for n, v in videos.items())}
        return [
            _video(parsed, name, videos[number], owned[number], categories)
            for name, number in named_apart(names, parsed.path)
        ]


def _name(video: Mapping[str, Any]) -> str:
    """A video's name, or the folder of its frames, which is what the benchmark's own files have."""
    folder = Path(str(video["file_names"][0])).parent
    return str(video.get("name") or (video["id"] if folder == Path() else folder))


def _video(
    parsed: Parsed,
    name: str,
    video: Mapping[str, Any],
    objects: Sequence[Mapping[str, Any]],
    categories: Mapping[int, str],
) -> MaskVideo:
    size = int(video["height"]), int(video["width"])
    files = [Path(str(file)) for file in video["file_names"]]
    stills = parsed.stills(Still(place, file.stem, size, file.name) for place, file in enumerate(files))
    tracked = all("track_id" in found for found in objects)
    ids = [int(found["track_id"]) if tracked else number for number, found in enumerate(objects, 1)]
    if len(set(ids)) < len(ids):
        raise ValueError(f"{name}: several objects have one track_id")
    new = parsed.new_ids(name, ids)

    def read(place: int) -> Regions:
        regions = dict[int, Region]()
        for label, found in zip(ids, objects, strict=True):
            if (mask := found["segmentations"][place]) is None:
                continue
            with parsed.problems(f"annotation {found['id']}, frame {stills[place].name}"):
                category = categories.get(int(found.get("category_id", 0)), OBJECT)
                parsed.add(regions, renumbered(label, new), cut(drawn(mask, size), category))
        return regions

    return MaskVideo(name, stills, read)
