"""A recipe: everything that decides a training run but the place of the data."""

import importlib.resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from longtake.errors import SettingError


class Strict(BaseModel):
    """A frozen part of a recipe that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClipShape(Strict):
    """Frames per clip, side of the crop in pixels, objects at most, largest gap between frames.

    window: the least and the largest crop, as shares of the picture's short side.
    """

    frames: int = Field(default=3, ge=2)
    side: int = Field(default=256, gt=0, multiple_of=16)
    objects: PositiveInt = 1
    gap: PositiveInt = 5
    window: tuple[PositiveFloat, PositiveFloat] = (0.45, 1.1)


class Sources(Strict):
    """How often a clip comes from each kind of source, and how often something is pasted over it."""

    video: float = 0.0
    stills: float = 0.0
    pasted: float = 0.0
    distractor: float = 0.25
    lookalike: float = 0.2


class Stage(Strict):
    """A stretch of training; batch k takes the shape k modulo their number, so a batch agrees on one."""

    name: Literal["pretrain", "main", "finetune"]
    steps: PositiveInt
    batch: PositiveInt = 4
    shapes: tuple[ClipShape, ...] = (ClipShape(),)
    sources: Sources
    rate: PositiveFloat
    warm_up: int = 100
    decay: float = Field(default=0.0, ge=0, le=1)
    """The share of the stage, at its end, over which the rate falls linearly to zero."""
    hardest: float = Field(default=1.0, gt=0, le=1)
    """The share of pixels, the worst ones, that the cross-entropy counts in the end."""


class Recipe(Strict):
    """A model, its stages, and the optimiser. `data` names each data set with its licence, for the model card."""

    model: str
    options: dict[str, Any] = {}
    start: str | None = None
    """A checkpoint of longtake to go on from."""
    backbone: str | None = None
    """ImageNet weights in torchvision's names (.safetensors or .pth); None trains from random ones."""
    frozen: tuple[str, ...] = ()
    """Prefixes of parameters that stay as they are."""
    stages: tuple[Stage, ...]
    feedback: Literal["soft", "detached", "hard", "truth"] = "soft"
    backbone_rate: float = 0.25
    weight_decay: float = 0.01
    clip_norm: PositiveFloat = 1.0
    dice_weight: float = 1.0
    average: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the exponential moving average of the weights, which is what a run delivers."""
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    split: str = "train"
    seed: int = 1
    workers: int = Field(default=1, ge=0)
    save_every: PositiveInt = 100
    data: dict[str, str] = {}

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """The stage of a step, and the step's number within it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise IndexError(f"the recipe has {self.steps} steps")


def recipe_names() -> list[str]:
    """The recipes that ship with longtake."""
    folder = importlib.resources.files("longtake.training") / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name: str, settings: dict[str, Any], stages: str = "both") -> Recipe:
    """A shipped recipe or a YAML file, with dotted settings on top and one or both of its stages.

    Raises SettingError naming the recipe and the setting that is wrong.
    """
    if name in recipe_names():
        text = (importlib.resources.files("longtake.training") / "recipes" / f"{name}.yaml").read_text()
    elif Path(name).is_file():
        text = Path(name).read_text()
    else:
        raise SettingError(f"no recipe {name}; there are: {', '.join(recipe_names())}, or give a YAML file")
    try:
        values = yaml.safe_load(text)
        named = [stage["name"] for stage in values["stages"]]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SettingError(f"recipe {name}: not a YAML file with named stages ({type(error).__name__})") from error
    if stages not in ("both", *named):
        raise SettingError(f"recipe {name}: no stage named {stages}; use {', '.join(named)}, or both for all")
    for key, value in settings.items():
        set_dotted(values, key, value)
    return parse_recipe(values, name, stages)


def parse_recipe(values: dict[str, Any], name: str, stages: str = "both") -> Recipe:
    """A checked recipe. Raises SettingError naming the setting that is wrong."""
    if stages != "both":
        values = values | {"stages": [stage for stage in values["stages"] if stage["name"] == stages]}
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingError(f"recipe {name}: {where}: {first['msg']}") from error
    return recipe


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
