"""CVAT for video 1.1: XML with a track per mask, which is how CVAT itself writes and reads masks.

CVAT has no tracks of masks: of a track that holds several it takes the first alone. So every mask is a track of one
frame, and the object's id is its attribute `track_id`, which a task's label has to have (a number) for CVAT to keep it.
Run lengths go row by row through the mask's box, and begin with what lies outside.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Bool

from longtake.errors import InputError
from longtake.export.exchange import OBJECT, MaskVideo, Region, Regions, Report, Still, cut
from longtake.export.parsed import Parsed, folder_name, renumbered
from longtake.types import LARGEST_ID
from longtake.video.rle import drawn
from longtake.video.sinks import output
from longtake.video.whole import whole

ATTRIBUTE = "track_id"


def write_cvat(video: MaskVideo, path: Path, report: Report = lambda done, count: None) -> None:
    """Write the masks of a video. Raises OutputError, and what reading the masks raises.

    What stands above the tracks has the names of all labels, so the tracks wait in a file of their own.
    """
    labels = dict[str, None]()
    with (
        output(path),
        whole(path) as partial,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent) as waiting,
        partial.open("w", encoding="utf-8") as file,
    ):
        count = 0
        for place, still in enumerate(video.stills):
            last = place + 1 == len(video.stills)
            for name, region in video.read(place).items():
                labels[region.category] = None
                waiting.write(_track(count, name, region, still.index, last))
                count += 1
            report(place + 1, len(video.stills))
        file.write(_head(video, list(labels) or [OBJECT]))
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write("</annotations>\n")


def _head(video: MaskVideo, labels: Sequence[str]) -> str:
    height, width = video.stills[0].size
    attribute = (
        f"<attribute><name>{ATTRIBUTE}</name><mutable>False</mutable><input_type>number</input_type>"
        f"<default_value>1</default_value><values>1\n{LARGEST_ID}\n1</values></attribute>"
    )
    kinds = "".join(
        f"<label><name>{_text(label)}</name><type>mask</type><attributes>{attribute}</attributes></label>"
        for label in labels
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>'
        f"<name>{_text(video.name)}</name><size>{video.stills[-1].index + 1}</size><mode>interpolation</mode>"
        f"<start_frame>0</start_frame><stop_frame>{video.stills[-1].index}</stop_frame><labels>{kinds}</labels>"
        f"<original_size><width>{width}</width><height>{height}</height></original_size></task></meta>\n"
    )


def _track(number: int, name: int, region: Region, frame: int, last: bool) -> str:
    """A track of one mask; that it ends there is told by a mask outside, where a frame follows."""
    attribute = f'<attribute name="{ATTRIBUTE}">{name}</attribute>'
    x, y, width, height = region.box
    lengths = ", ".join(map(str, lengths_of(region.inside)))
    place = f'left="{x}" top="{y}" width="{width}" height="{height}" z_order="{region.layer}"'
    rows = f'<mask frame="{frame}" keyframe="1" outside="0" occluded="0" rle="{lengths}" {place}>{attribute}</mask>\n'
    if not last:
        place = f'left="{x}" top="{y}" width="1" height="1" z_order="{region.layer}"'
        end = f'<mask frame="{frame + 1}" keyframe="1" outside="1" occluded="0" rle="0, 1" {place}>{attribute}</mask>\n'
        rows += end
    label = quoteattr(region.category)
    return f'<track id="{number}" label={label} source="file" group_id="{name}">\n{rows}</track>\n'


def _text(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")


def lengths_of(inside: Bool[np.ndarray, "h w"]) -> list[int]:
    """Lengths of runs, row by row, outside and inside by turns."""
    flat = inside.reshape(-1)
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    lengths: list[int] = np.diff(edges, prepend=0, append=flat.size).tolist()
    return lengths


def from_lengths(lengths: Sequence[int], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The mask of such lengths. Raises ValueError where they do not fill it."""
    if min(lengths) < 0 or sum(lengths) != size[0] * size[1]:
        raise ValueError(f"run lengths that do not fill a box of {size[1]}x{size[0]} pixels")
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return flat.reshape(size)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A mask or a polygon of a frame, not drawn yet."""

    name: int
    category: str
    layer: int
    number: int
    draw: Callable[[tuple[int, int]], Region | None]


class _Frames:
    """The shapes of a file by frame, and what it says of the frames."""

    def __init__(self) -> None:
        self.shapes: dict[int, list[_Shape]] = {}
        self.names: dict[int, tuple[str, tuple[int, int]]] = {}
        self.size: tuple[int, int] | None = None
        self.count = 0
        self.others: dict[str, int] = {}
        self.title = ""
        self.tracked = True


def read_cvat(parsed: Parsed) -> list[MaskVideo]:
    """The video of a file of CVAT for video 1.1, or the images of one of CVAT for images 1.1 as a video.

    An object's id is its attribute `track_id`, else its group, else the number of its track from 1 on; in images the
    number of the shape. Masks and polygons are taken, of what else there is the number is told. Raises InputError
    naming what is wrong.
    """
    frames = _Frames()
    try:
        with parsed.problems():
            for element, track in _shapes(parsed.path, frames):
                _take(parsed, frames, element, track)
            return [_video(parsed, frames)]
    except (OSError, ElementTree.ParseError) as error:
        raise InputError(f"{parsed.path}: not readable as XML ({error})") from error


def _shapes(path: Path, frames: _Frames) -> Iterator[tuple[ElementTree.Element, Mapping[str, str]]]:
    """Every shape with the attributes of its track or image; elements are let go of as they are done."""
    owner: Mapping[str, str] | None = None
    width = height = 0
    for event, element in ElementTree.iterparse(path, events=("start", "end")):
        if element.tag in ("track", "image"):
            given = dict(element.attrib)
            owner = given if event == "start" else None
            if event == "end":
                element.clear()
            elif element.tag == "image":
                place = len(frames.names)
                given["image"] = str(place)
                frames.names[place] = given["name"], (int(given["height"]), int(given["width"]))
        elif event == "start":
            continue
        elif owner is not None and element.tag != "attribute":
            yield element, owner
            element.clear()
        elif owner is None and element.tag == "width":
            width = int(element.text or 0)
        elif owner is None and element.tag == "height":
            height = int(element.text or 0)
            frames.size = height, width
        elif element.tag == "size":
            frames.count = max(frames.count, int(element.text or 0))
        elif element.tag == "name" and not frames.title:
            frames.title = element.text or ""


def _take(parsed: Parsed, frames: _Frames, element: ElementTree.Element, owner: Mapping[str, str]) -> None:
    if element.attrib.get("outside") == "1":
        return
    frame = int(owner["image"] if "image" in owner else element.attrib["frame"])
    where = f"frame {frame}"
    with parsed.problems(where):
        draw = _drawer(element)
        if draw is None:
            frames.others[element.tag] = frames.others.get(element.tag, 0) + 1
            return
        shapes = frames.shapes.setdefault(frame, [])
        given = {each.attrib["name"]: each.text or "" for each in element.findall("attribute")}
        group = owner.get("group_id") or element.attrib.get("group_id") or "0"
        number = len(shapes) + 1 if "image" in owner else int(owner["id"]) + 1
        known = int(given.get(ATTRIBUTE) or group)
        name = known or number
        frames.tracked &= bool(known) or "image" not in owner
        label = owner["label"] if "label" in owner else element.attrib["label"]
        layer = int(element.attrib.get("z_order", 0))
        shapes.append(_Shape(name, label, layer, number, draw))


def _drawer(element: ElementTree.Element) -> Callable[[tuple[int, int]], Region | None] | None:
    """What draws a shape once the size of its frame is known; None for shapes that are no masks."""
    given = element.attrib
    if element.tag == "mask":
        left, top, width, height = (int(given[key]) for key in ("left", "top", "width", "height"))
        lengths = np.array(given["rle"].split(","), np.int64)  # as numbers, which are shorter than their text

        def paste(size: tuple[int, int]) -> Region | None:
            inside = from_lengths(lengths.tolist(), (height, width))
            if not (0 <= top <= size[0] - height and 0 <= left <= size[1] - width):
                raise ValueError(f"a mask that reaches beyond the frame of {size[1]}x{size[0]} pixels")
            full = np.zeros(size, bool)
            full[top : top + height, left : left + width] = inside
            return cut(full)

        return paste
    if element.tag == "polygon":
        ring = [float(value) for pair in given["points"].split(";") for value in pair.split(",")]
        return lambda size: cut(drawn([ring], size))
    return None


def _video(parsed: Parsed, frames: _Frames) -> MaskVideo:
    stills = parsed.stills(_stills(frames, parsed))
    for kind, count in frames.others.items():
        parsed.tell(f"{count} shapes of kind {kind} left out; masks and polygons are taken")
    new = parsed.new_ids("the video", (shape.name for shapes in frames.shapes.values() for shape in shapes))

    def read(place: int) -> Regions:
        still, regions = stills[place], dict[int, Region]()
        key = place if frames.names else still.index
        for shape in sorted(frames.shapes.get(key, []), key=lambda shape: shape.layer):
            with parsed.problems(f"frame {key}, object {shape.name}"):
                if (region := shape.draw(still.size)) is not None:
                    named = Region(region.top, region.left, region.inside, shape.category, shape.layer)
                    parsed.add(regions, renumbered(shape.name, new), named)
        return regions

    return MaskVideo(folder_name(frames.title or parsed.path.stem), stills, read, tracked=frames.tracked)


def _stills(frames: _Frames, parsed: Parsed) -> list[Still]:
    if frames.names:
        return [Still(place, Path(name).stem, size, Path(name).name) for place, (name, size) in frames.names.items()]
    if frames.size is None:
        raise InputError(f"{parsed.path}: no original_size, so the size of its frames is not known")
    last = max([frames.count - 1, *frames.shapes])
    if last < 0:
        raise InputError(f"{parsed.path}: no frames in it")
    return [Still(index, f"{index:06d}", frames.size, f"frame_{index:06d}.png") for index in range(last + 1)]
