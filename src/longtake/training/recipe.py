"""A recipe: everything that decides a training run but the place of the data."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from longtake.data.dataset import Layout
from longtake.data.samplers import SamplerName
from longtake.systems.teaching import Steps, Strict, Teaching


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


LAID_OVER = ("pasted", "procedural", "merged", "distractor", "lookalike")
"""Of the sources, those that show what is in no image of the data."""


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
    """A checkpoint of longtake to go on from; a recipe that names no model takes the start's, which may be bundled."""
    backbone: str | None = None
    """ImageNet weights in torchvision's names (.safetensors or .pth); None trains from random ones."""
    flow: str | None = None
    """Weights of the flow network that `options.flow` names: LiteFlowNet's, converted, or torchvision's of RAFT."""
    proposals: str | None = None
    """A folder of what a detector found in the images, as `longtake propose` writes it: FOLDER/NAME mirrors the folder
    NAME of data. For systems that take proposals; of photographs and videos alone, with nothing laid over them."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    validation: Validation | None = None
    precision: Literal["auto", "float32", "float64", "bfloat16", "float16"] = "auto"
    """auto: half where the machine is faster with it; float64 is for exactness."""
    split: str = "train"
    """Of every data set; or a text file with the name of a video on each line, for the folder of one split too."""
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

    @model_validator(mode="after")
    def _bare(self) -> "Recipe":
        for number, stage in enumerate(self.stages if self.proposals is not None else ()):
            laid = [name for name in LAID_OVER if getattr(stage.sources, name)]
            if laid:
                raise ValueError(
                    f"proposals: nobody looked for any in what stages.{number}.sources.{laid[0]} draws; set it to 0"
                )
        return self

    @property
    def weights(self) -> dict[str, str]:
        """The files of weights that a run starts from, by the setting that names them."""
        named = {"backbone": self.backbone, "flow": self.flow, "start": self.start}
        return {name: path for name, path in named.items() if path is not None}

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
