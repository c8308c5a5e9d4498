"""What people say of the objects of a video: name, category, colour, description."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from longtake.export.exchange import MaskVideo, Regions
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole

OBJECTS = "objects.json"
"""The file that is written beside exports, for what their formats have no place for."""


@dataclass(frozen=True)
class Thing:
    """An object as people know it; empty where nobody said."""

    name: str = ""
    category: str = ""
    colour: str = ""
    """As #rrggbb."""
    description: str = ""
    """A sentence that tells it from all others in the video."""


Things = Mapping[int, Thing]
"""The objects of a video by id."""


def with_categories(video: MaskVideo, things: Things) -> MaskVideo:
    """The masks of a video with the categories of its things; objects without one keep theirs."""
    named = {name: thing.category for name, thing in things.items() if thing.category}

    def read(place: int) -> Regions:
        regions = video.read(place)
        return {name: replace(region, category=named.get(name, region.category)) for name, region in regions.items()}

    return replace(video, read=read)


def write_objects(path: Path, videos: Mapping[str, Things]) -> None:
    """Write {VIDEO: {ID: {name, category, colour, description}}}, whole or not at all. Raises OutputError."""
    listed = {video: {str(name): asdict(things[name]) for name in sorted(things)} for video, things in videos.items()}
    make_folder(path.parent)
    with output(path), whole(path) as partial:
        partial.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
