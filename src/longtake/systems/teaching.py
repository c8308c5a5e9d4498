"""How a system is taught: losses, schedule, parameter groups, feedback. A preset says it, a recipe may override it.

Progress is the share of a stage that is done, in [0, 1].
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from longtake.systems.feedback import Feedback

T = TypeVar("T")

LossName = Literal["cross_entropy", "bootstrapped", "dice", "dice_present", "iou", "jaccard"]

OptimizerName = Literal["adam", "adamw"]


class Strict(BaseModel):
    """A frozen part of a configuration that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def _ordered(points: tuple[tuple[float, T], ...]) -> tuple[tuple[float, T], ...]:
    places = [place for place, _ in points]
    if not points or places != sorted(set(places)) or places[0] < 0 or places[-1] > 1:
        raise ValueError("points are [progress, value], progress rising within 0 and 1")
    return points


Points = Annotated[tuple[tuple[float, T], ...], AfterValidator(_ordered)]

Curve = float | Points[float]
"""A number, or points of progress between which it runs in straight lines."""

Steps = Union[T, Points[T]]  # noqa: UP007 (a bare T | ... is no alias to mypy)
"""A value, or points of progress from which a value holds until the next (from the beginning, the first)."""


def along(curve: Curve, progress: float) -> float:
    """The value of a curve."""
    if not isinstance(curve, tuple):
        return curve
    (before, value), *rest = curve
    for place, following in rest:
        if progress < place:
            share = min(1.0, max(0.0, (progress - before) / (place - before)))
            return value + (following - value) * share
        before, value = place, following
    return value


def current(steps: Steps[T], progress: float) -> T:
    """The value that holds."""
    if not isinstance(steps, tuple):
        return steps
    value: T = next((value for place, value in reversed(steps) if place <= progress), steps[0][1])
    return value


class Group(Strict):
    """Parameters by patterns of their names (`backbone.*`): the first group that matches a parameter counts.

    rate, decay: shares of the stage's rate and weight decay. until: the progress from which the parameters rest.
    """

    names: tuple[str, ...]
    rate: float = Field(default=1.0, ge=0)
    decay: float = Field(default=1.0, ge=0)
    until: float = Field(default=1.0, ge=0, le=1)


class Schedule(Strict):
    """The rate over a stage, as a share of the stage's own; it begins with a linear warm-up of so many steps.

    constant. linear: to zero over the last `tail` of the stage. poly: from `floor` up over the warm-up, then back to it
    by (1 - share of what is left)^power (AOT). drops: times the factor from each progress on. exponential: times
    `factor` after every `every` steps. Of all but poly, `floor` is a lower bound.
    """

    kind: Literal["constant", "linear", "poly", "drops", "exponential"] = "constant"
    warm_up: int = Field(default=0, ge=0)
    tail: float = Field(default=0.5, gt=0, le=1)
    power: PositiveFloat = 0.9
    floor: float = Field(default=0.0, ge=0, le=1)
    drops: tuple[tuple[float, float], ...] = ()
    factor: PositiveFloat = 0.95
    every: PositiveInt = 1000


class Teaching(Strict):
    """Everything that a recipe's stage teaches by, beside its clips, its length and its rate."""

    losses: Mapping[LossName, float] = {"cross_entropy": 1.0}
    """Loss -> weight."""
    hardest: Curve = ((0.2, 1.0), (0.7, 0.15))
    """The share of pixels, the worst ones, that the bootstrapped cross-entropy counts."""
    auxiliary: Mapping[str, Curve] = {}
    """Weights of the auxiliary outputs that the system names; those not named here weigh nothing."""
    feedback: Steps[Feedback] = "soft"
    schedule: Schedule = Schedule()
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: PositiveFloat | None = None
    optimizer: OptimizerName = "adam"
    groups: tuple[Group, ...] = ()
    frozen: tuple[str, ...] = ()
    """Patterns of parameters that stay as they are."""
    average: float | None = Field(default=None, ge=0, lt=1)
    """Decay of the exponential moving average of the weights (less while it is young), which a run then delivers."""


def on_small_machines(**how: Any) -> Teaching:
    """How a compact system on MobileNet-V2 learns fast: a slower backbone, whose first layers rest; `how`: all else."""
    return Teaching(
        schedule=Schedule(kind="constant", warm_up=100),
        weight_decay=0.01,
        clip_norm=1.0,
        optimizer="adamw",
        groups=(Group(names=("backbone.*",), rate=0.25),),
        frozen=("backbone.stem_conv.*", "backbone.after_stem.*", "backbone.stages.0.*"),
        average=0.999,
        **how,
    )
