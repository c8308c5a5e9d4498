"""A recipe: everything that decides a training run but the place of the data."""

import difflib
import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from longtake.data.dataset import Layout
from longtake.data.samplers import SamplerName
from longtake.errors import SettingError
from longtake.systems.teaching import Group, Schedule, Steps, Strict, Teaching
from longtake.systems.zoo import preset


class Augmentation(Strict):
    """How much of each random change a clip gets.

    affine: of the small turn, shear, zoom and shift that every frame has for itself, 0 for none. bend: how often a
    frame of a photograph is bent by a thin-plate spline. flip: how often a clip is mirrored. colour: of brightness,
    contrast and saturation that a clip's frames share; frame_colour: of what each frame has for itself.
    """

    affine: float = Field(default=1.0, ge=0)
    bend: float = Field(default=0.33, ge=0, le=1)
    flip: float = Field(default=0.5, ge=0, le=1)
    colour: float = Field(default=0.25, ge=0, lt=1)
    frame_colour: float = Field(default=0.03, ge=0, lt=1)


class ClipShape(Strict):
    """Frames per clip, side of the crop in pixels (or height and width), objects at most, and which frames.

    gap: the largest distance between neighbouring frames, or points of progress for a curriculum; what it means
    exactly is the sampler's. sampler: one, or several by weight. window: the least and the largest crop, as shares of
    the picture's short side. late: whether objects that come after the first frame are given when they do.
    """

    frames: int = Field(default=3, ge=2)
    side: PositiveInt | tuple[PositiveInt, PositiveInt] = 256
    objects: PositiveInt = 1
    gap: Steps[PositiveInt] = 5
    sampler: SamplerName | Mapping[SamplerName, PositiveFloat] = "ordered"
    window: tuple[PositiveFloat, PositiveFloat] = (0.45, 1.1)
    late: bool = False
    augmentation: Augmentation = Augmentation()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.side if isinstance(self.side, tuple) else (self.side, self.side)

    @property
    def samplers(self) -> Mapping[SamplerName, float]:
        """Samplers with their weights."""
        return {self.sampler: 1.0} if isinstance(self.sampler, str) else self.sampler


class Sources(Strict):
    """How often a clip comes from each kind of source, and how often something is laid over it.

    merged: how often the objects of a second clip are laid over the first. distractor, lookalike: how often a
    cut-out, or a copy of an object, moves through the clip.
    """

    video: float = Field(default=0.0, ge=0)
    stills: float = Field(default=0.0, ge=0)
    pasted: float = Field(default=0.0, ge=0)
    procedural: float = Field(default=0.0, ge=0)
    merged: float = Field(default=0.0, ge=0, le=1)
    distractor: float = Field(default=0.0, ge=0, le=1)
    lookalike: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _any(self) -> "Sources":
        if not self.video + self.stills + self.pasted + self.procedural:
            raise ValueError("no source has a weight; give one to video, stills, pasted or procedural")
        return self


class Stage(Strict):
    """A stretch of training: so many steps of `batch` clips each, over all processes, in `accumulate` parts.

    Step k takes the shape k modulo their number, so a batch agrees on one. rate: the largest learning rate. teaching:
    what this stage does otherwise than the recipe; once loaded, all that it teaches by.
    """

    name: Literal["pretrain", "main", "finetune"]
    steps: PositiveInt
    batch: PositiveInt = 4
    accumulate: PositiveInt = 1
    shapes: tuple[ClipShape, ...] = Field(default=(ClipShape(),), min_length=1)
    sources: Sources
    rate: PositiveFloat
    teaching: Teaching

    def shape_at(self, step: int) -> ClipShape:
        """The shape of a step's clips."""
        return self.shapes[step % len(self.shapes)]


class Validation(Strict):
    """Every so many steps the averaged weights follow the objects of a split; the best by `figure` are kept."""

    every: PositiveInt = 500
    split: str | None = "select"
    protocol: str = "davis2016"
    figure: Literal["J&F", "J", "F"] = "J&F"
    size: PositiveInt = 480
    """The short side that larger frames are reduced to."""


class Recipe(Strict):
    """A model, its stages, and how the run is kept. `data` names each data set with its licence, for the model card."""

    model: str
    options: Mapping[str, Any] = {}
    start: str | None = None
    """A checkpoint of longtake to go on from."""
    backbone: str | None = None
    """ImageNet weights in torchvision's names (.safetensors or .pth); None trains from random ones."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    validation: Validation | None = None
    precision: Literal["auto", "float32", "float64", "bfloat16", "float16"] = "auto"
    """auto: half where the machine is faster with it; float64 is for exactness."""
    split: str = "train"
    year: Literal["2016", "2017"] | None = None
    """Of the lists of DAVIS, where there are several; 2016 takes all objects of a video as one."""
    repeat: Mapping[Layout, PositiveInt] = {}
    """How many times each video of a data set in that layout counts; once where it is not named."""
    seed: int = Field(default=1, ge=0)
    workers: int = Field(default=1, ge=0)
    """Processes that read data, beside each that trains."""
    cache: int = Field(default=256, ge=0)
    """Megabytes of decoded images that each of them keeps."""
    save_every: PositiveInt = 100
    pictures_every: PositiveInt = 500
    data: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _one_optimizer(self) -> "Recipe":
        for key in ("optimizer", "frozen", "average"):
            if len({getattr(stage.teaching, key) for stage in self.stages}) > 1:
                raise ValueError(f"{key} differs between stages; set it once, under teaching")
        if len({tuple(group.names for group in stage.teaching.groups) for stage in self.stages}) > 1:
            raise ValueError(
                "groups of different names in different stages; only their rate, decay and until may differ"
            )
        return self

    @property
    def teaching(self) -> Teaching:
        """What no stage may change: optimiser, names of groups, frozen parts and average."""
        return self.stages[0].teaching

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[int, int]:
        """The number of a step's stage, and the step's number within it."""
        for number, stage in enumerate(self.stages):
            if step < stage.steps:
                return number, step
            step -= stage.steps
        raise IndexError(f"the recipe has {self.steps} steps")


def recipe_names() -> dict[str, str]:
    """The recipes that ship with longtake, and what each says of itself."""
    folder = importlib.resources.files("longtake.training") / "recipes"
    texts = {entry.name: entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): _said(text) for name, text in sorted(texts.items())}


def _said(text: str) -> str:
    """The comment that a recipe begins with."""
    lines = text.splitlines()
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ") for line in lines[:count])


def load_recipe(name: str, settings: Mapping[str, Any], stages: str = "both") -> Recipe:
    """A shipped recipe or a YAML file, with dotted settings on top and one or both of its stages.

    Raises SettingError naming the recipe and the setting that is wrong.
    """
    folder = importlib.resources.files("longtake.training") / "recipes"
    file = folder / f"{name}.yaml" if name in recipe_names() else Path(name)
    if not file.is_file():
        raise SettingError(f"no recipe {name}; there are: {', '.join(recipe_names())}, or give a YAML file")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        named = [stage["name"] for stage in values["stages"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise SettingError(f"recipe {name}: not a YAML file with named stages ({type(error).__name__})") from error
    if stages not in ("both", *named):
        raise SettingError(f"recipe {name}: no stage named {stages}; use {', '.join(named)}, or both for all")
    for key, value in settings.items():
        set_dotted(values, key, value)
    return parse_recipe(values, name, stages)


def parse_recipe(values: Mapping[str, Any], name: str, stages: str = "both") -> Recipe:
    """A checked recipe, each stage with all that it teaches by: the preset's, the recipe's and its own, in this order.

    Raises SettingError naming the setting that is wrong.
    """
    try:
        values = dict(values)
        taught = preset(values["model"], values.get("options")).teaching().model_dump()
        common, chosen = values.pop("teaching", {}), []
        for stage in values["stages"]:
            if stages in ("both", stage["name"]):
                chosen.append({**stage, "teaching": {**taught, **common, **stage.get("teaching", {})}})
        return Recipe.model_validate(values | {"stages": chosen})
    except ValidationError as error:
        raise SettingError(f"recipe {name}: {_told(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingError(f"recipe {name}: not a recipe ({type(error).__name__}: {error})") from error


PARTS: Mapping[str, type[Strict]] = {
    "stages": Stage,
    "shapes": ClipShape,
    "augmentation": Augmentation,
    "sources": Sources,
    "validation": Validation,
    "teaching": Teaching,
    "groups": Group,
    "schedule": Schedule,
}
"""Setting -> what it holds."""


def _told(error: ValidationError) -> str:
    """The first fault of a recipe, with the name that was probably meant where it is a misspelt one."""
    faults = error.errors()
    # of a setting that may be one thing or another, the last is told: the one that people write out
    fault = [other for other in faults if other["loc"][:-1] == faults[0]["loc"][:-1]][-1]
    where = [part for part in fault["loc"] if isinstance(part, int) or part.isidentifier()]
    place = ".".join(map(str, where))
    if fault["type"] != "extra_forbidden":
        return f"{place}: {fault['msg']}".removeprefix(": ")
    holder = next((PARTS[str(part)] for part in reversed(where[:-1]) if part in PARTS), Recipe)
    close = difflib.get_close_matches(str(where[-1]), holder.model_fields, 1)
    return f"{place}: no such setting" + (f"; did you mean {close[0]}?" if close else "")


def set_dotted(values: dict[str, Any], key: str, value: Any) -> None:
    """Set `a.0.b` in nested dictionaries and lists. Raises SettingError where the path does not exist."""
    *path, last = key.split(".")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise SettingError(f"--set {key}: the recipe has no such place") from error
