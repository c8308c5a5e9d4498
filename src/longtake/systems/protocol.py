"""The contract of a system: memory is a value, passed in, and a new one comes back.

Shapes: b batch, n objects of a cohort, m objects of a prompt, h height, w width of the fitted frame. Channel 0 of
log-odds and probabilities is the background. `time` counts the steps of a state from 0.
No method mutates its arguments, or chooses a gradient mode, a device or a precision.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.geometry import Fit
from longtake.memory.policy import Held, Plan, Policy
from longtake.nn.aggregate import Merge
from longtake.nn.backbone import BackboneName
from longtake.systems.ablation import Ablation
from longtake.systems.feedback import Feedback
from longtake.systems.teaching import Teaching


@dataclass(frozen=True)
class FittedProposals:
    """What may be an object in a fitted frame, found by whatever; valid marks those that are no padding.

    boxes: tight about the masks, x0, y0, x1, y1 in pixels.
    """

    boxes: Float[Tensor, "b p 4"]
    masks: Float[Tensor, "b p h w"]
    valid: Bool[Tensor, "b p"]


@dataclass(frozen=True)
class Inputs:
    """A fitted frame, RGB in [0, 1], the one before it (itself on the first frame), and proposals where there are any.

    proposals: None where nobody looked for them, which is not the same as none found.
    """

    images: Float[Tensor, "b 3 h w"]
    previous: Float[Tensor, "b 3 h w"]
    proposals: FittedProposals | None = None


@dataclass(frozen=True)
class Prompt:
    """Masks that a person (or a training clip) gives on a frame; valid marks the objects that are no padding."""

    ids: tuple[int, ...]
    masks: Float[Tensor, "b m h w"]
    valid: Bool[Tensor, "b m"]


@dataclass(frozen=True)
class Targets:
    """What a cohort is to remember of a frame: its objects' masks, and outside, the clamped sum of all others."""

    masks: Float[Tensor, "b n h w"]
    outside: Float[Tensor, "b 1 h w"]
    valid: Bool[Tensor, "b n"]
    given: tuple[bool, ...]


@dataclass(frozen=True)
class AnyObject:
    """An auxiliary output that tells the background from any object: log-odds [b, 2, h', w']."""

    log_odds: Float[Tensor, "b 2 h w"]


@dataclass(frozen=True)
class Segmentation:
    """A cohort on a frame: log-odds [b, 1+n, h, w] in float32 (at least), a trace, auxiliary outputs for losses.

    trace: a frozen dataclass of what the system's own `memorize` and `looks` want to know of this frame.
    auxiliary: by name, a loss per clip [b], or log-odds at any scale: of the cohort's objects [b, 1+n, h', w'], or of
    any object. A name that ends in `@-k` speaks of the frame k steps before.
    """

    log_odds: Float[Tensor, "b _ h w"]
    trace: Any = None
    auxiliary: Mapping[str, Tensor | AnyObject] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """A remembered frame, and where in it a system looks for the objects of a cohort in the current one.

    what: what is read, as one. time: the step at which it was seen. weights: each object's share of what is read, by
    position on a coarser grid of the fitted frame; over all looks of one `what` an object's weights sum to 1, or are
    all 0 where it has no area. through: the last of many frames that are remembered as one, not `time` alone.
    """

    what: str
    time: int
    weights: Float[Tensor, "b n h w"]
    through: bool = False


M = TypeVar("M")
F = TypeVar("F")


@dataclass(frozen=True)
class Written(Generic[M]):
    """A new memory, and auxiliary outputs for losses (filled in training mode only)."""

    memory: M
    auxiliary: Mapping[str, Tensor | AnyObject] = field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """Objects that share one memory: first given together, or later where there was room."""

    ids: tuple[int, ...]
    valid: Bool[Tensor, "b n"]
    memory: Any


@dataclass(frozen=True)
class State:
    """All that is carried from frame to frame: the number of steps done, the last frame, the cohorts."""

    time: int = 0
    previous: Float[Tensor, "b 3 h w"] | None = None
    cohorts: tuple[Cohort, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of all objects, in the order of the output's channels."""
        return tuple(i for cohort in self.cohorts for i in cohort.ids)


class VOSSystem(nn.Module, ABC, Generic[F, M]):
    """A system for video object segmentation. F is what it makes of a frame, M what it remembers."""

    fit: Fit
    capacity: int | None
    """How many objects one memory holds at most."""
    merge: Merge
    policy: Policy
    feedback: Feedback
    accepts_policy: bool
    """Whether a caller may choose another policy than the system's own."""
    takes_proposals: bool = False
    """Whether it makes use of proposals that others found."""
    kept_together: bool = False
    """Whether what is kept of a frame for old objects is another where new ones join them in it."""
    parts: tuple[str, ...] = ()
    """Methods from tensors to tensors that hold what is expensive: they may be compiled, or run by another program."""
    slots: int | None = None
    """As how many frames memory is read, where that is fixed; what is missing is read as absent."""
    local: bool = False
    """Whether what concerns one object is computed about it only, in systems that can: nearly the same, and faster."""
    least: float = 0.0
    """What an object's probability must reach for a pixel to be its own, beside being the largest."""

    @abstractmethod
    def encode(self, inputs: Inputs) -> F:
        """What depends on the frame alone; run once per frame, whatever the number of objects."""

    @abstractmethod
    def begin(self, features: F, targets: Targets, plan: Plan) -> Written[M]:
        """A first memory, from given masks."""

    @abstractmethod
    def segment(self, features: F, memory: M, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        """The objects of a memory in a frame."""

    @abstractmethod
    def memorize(self, features: F, targets: Targets, trace: Any, memory: M, plan: Plan) -> Written[M]:
        """The memory after a frame; `trace` is that frame's own, from `segment`.

        targets may hold more objects than the memory, the new ones last, at most as many as it has `room` for.
        """

    @abstractmethod
    def held(self, memory: M) -> tuple[Held, ...]:
        """The entries of a memory, in the order of writing."""

    def trim(self, memory: M, plan: Plan) -> M:
        """The memory without the entries that the plan does not keep, where its policy may be chosen; else as it is."""
        return memory

    def room(self, memory: M) -> int:
        """How many objects that are given later may still join this memory."""
        return 0

    @abstractmethod
    def looks(self, memory: M, trace: Any, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        """What is looked at for each object where the frame of `trace` shows it, for people to see (STM, figure 5).

        masks: the objects' areas in that frame, fitted, in [0, 1]; empty where an object is not to be seen.
        """


AnySystem = VOSSystem[Any, Any]


class Preset(ABC):
    """A frozen, keyword-only dataclass that builds its system."""

    backbone: BackboneName
    bank: ClassVar[str] = ""
    """The kind of memory, as LVOS, table 3, has it: OD online adaption, F+P first and previous frame, A all frames, C
    compressed; empty where nobody says."""

    def ablation(self) -> Ablation | None:
        """What the system's paper leaves out of it, and how; None where nobody says."""
        return None

    @abstractmethod
    def build(self) -> AnySystem:
        """The system, untrained."""

    def size(self) -> int:
        """How many parameters the system has; none of them is made for that."""
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in self.build().parameters())

    @abstractmethod
    def tiny(self) -> "Preset":
        """The same design, small enough for tests."""

    @abstractmethod
    def teaching(self) -> Teaching:
        """How the system is taught unless a recipe says otherwise."""
