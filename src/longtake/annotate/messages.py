"""What page and server say to each other; numbers are bounded here, so that what lies behind need not look again."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from longtake.annotate.desk import How
from longtake.annotate.grid import Row
from longtake.annotate.pipeline import Settings, Step
from longtake.annotate.store import Check
from longtake.types import LARGEST_ID

SIDE = 1 << 15
"""Pixels that a side of a frame has at most."""


def _storable(text: str) -> str:
    """Raises ValueError on halves of characters, which no file can hold."""
    text.encode("utf-8")
    return text


Frame = Annotated[int, Field(ge=0, le=1 << 31)]
ObjectId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Side = Annotated[int, Field(ge=1, le=SIDE)]
Edge = Annotated[int, Field(ge=0, le=SIDE)]
Coordinate = Annotated[float, Field(ge=-SIDE, le=SIDE)]
Count = Annotated[int, Field(ge=0, le=SIDE * SIDE)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Text = Annotated[str, Field(max_length=2_000), AfterValidator(_storable)]
Frames = Annotated[list[Frame], Field(max_length=1_000_000)]


class Message(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, allow_inf_nan=False)


class Problem(BaseModel):
    """Why something was not done, in a line."""

    detail: str | list[object]


class Video(Message):
    """A video of the project; problem: why its frames cannot be seen, or None."""

    video: int
    name: str
    source: str
    frames: int
    width: int
    height: int
    rate: float
    seconds: float
    problem: str | None
    check: Check | None


class Format(Message):
    """Something that masks can be exported as."""

    name: str
    label: str


class ProjectFacts(Message):
    """All that the page shows first."""

    name: str
    version: str
    model: str
    annotator: str
    current: int | None
    formats: list[Format]
    videos: list[Video]


class MaskFacts(Message):
    """An object on a frame; confidence: J that its mask is expected to have, None where it is not to be seen."""

    origin: Literal["given", "corrected", "propagated", "imported"]
    confidence: float | None


class FrameFacts(Message):
    """What stands on a frame; runs: an id and a number of pixels, over and over, None where nothing stands there."""

    frame: int
    seconds: float
    accepted: bool
    revision: int
    objects: dict[int, MaskFacts]
    runs: list[int] | None


class Patch(Message):
    """Where an object is within a rectangle: pixels outside of it, then inside, and so on, row by row.

    how: "adds" and "takes" leave the pixels outside as they are, so that strokes of two pages that were drawn at once
    are both there.
    """

    object: ObjectId
    left: Edge
    top: Edge
    width: Side
    height: Side
    runs: Annotated[list[Count], Field(max_length=4_000_000)]
    how: How = "exact"
    tool: Annotated[str, Field(max_length=40), AfterValidator(_storable)] = "brush"
    seconds: Seconds = 0.0
    strokes: Annotated[int, Field(ge=0, le=100_000)] = 1


Points = Annotated[list[tuple[Coordinate, Coordinate]], Field(max_length=1_000)]


class Asked(Message):
    """Roughly where an object is."""

    object: ObjectId
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    inside: Points = []
    outside: Points = []


class Suggestion(Message):
    """What the object's mask may be within a rectangle; nothing is stored."""

    left: int
    top: int
    width: int
    height: int
    runs: list[int]


class Chosen(Message):
    """Frames, by index."""

    frames: Frames


class Accepted(Message):
    """Frames to be locked; None: all those of the present step that have masks."""

    frames: Frames | None


class Done(Message):
    """What an edit has done; frames: the first thousand of those that it changed; name: None where it was none."""

    name: str | None
    frames: list[int]
    count: int
    revision: int


class Said(Message):
    """What is said of an object; what is left out stays."""

    name: Text | None = None
    category: Text | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    description: Text | None = None


class ThingFacts(Message):
    """An object of a video; masks: on how many frames it is to be seen."""

    object: int
    name: str
    category: str
    colour: str
    description: str
    masks: int


class Relabel(Message):
    """What an object becomes from one frame to another, both included; 0: nothing."""

    into: Annotated[int, Field(ge=0, le=LARGEST_ID)]
    first: Frame = 0
    last: Frame | None = None


class GridFacts(Message):
    """Objects and time; edges: the frame at which each column begins."""

    first: int
    last: int
    columns: int
    edges: list[int]
    rows: list[Row]


class Look(Message):
    """A frame to look at next."""

    frame: int
    object: int | None
    confidence: float | None
    why: Literal["doubt", "next"]


class PipelineFacts(Message):
    """The four steps; fine: None where it is every frame."""

    settings: Settings
    steps: list[Step]
    present: int
    coarse: list[int]
    fine: list[int] | None


class NewSettings(Message):
    """What is left out stays; a fine rate of None is every frame."""

    coarse_rate: Annotated[float, Field(gt=0, le=1000)] | None = None
    fine_rate: Annotated[float, Field(gt=0, le=1000)] | None = None
    look: Literal["all", "kept"] | None = None


class Run(Message):
    """A step that the model does."""

    step: Literal[1, 3]


class Spread(Message):
    """A frame to follow from, and where to."""

    frame: Frame
    to: Literal["both", "forward", "backward"] = "both"


class Place(Message):
    """Where somebody left a video."""

    frame: Frame = 0
    hidden: Annotated[list[ObjectId], Field(max_length=LARGEST_ID)] = []
    opacity: Annotated[float, Field(ge=0, le=1)] = 0.5
    zoom: Annotated[float, Field(ge=0, le=10_000)] | None = None
    left: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    top: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    object: ObjectId | None = None


class Spent(Message):
    """Time on a frame without an edit."""

    frame: Frame
    object: ObjectId | None = None
    seconds: Seconds


class NewCheck(Message):
    """How many accepted frames are to be annotated again, and the seed of chance."""

    count: Annotated[int, Field(ge=1, le=100_000)]
    seed: Annotated[int, Field(ge=0, le=1 << 31)] | None = None


class Export(Message):
    """What to export, None for all videos."""

    format: Annotated[str, Field(max_length=40)]
    videos: Annotated[list[Frame], Field(max_length=10_000)] | None = None
    only_accepted: bool = False


class Exported(Message):
    """An archive to be downloaded; made: seconds since 1970."""

    name: str
    bytes: int
    made: float
