"""What a recipe asks for that cannot be done."""

import torch

from longtake.errors import SettingError
from longtake.systems.protocol import AnySystem
from longtake.training.recipe import Recipe


def check_precision(recipe: Recipe) -> None:
    """Raises SettingError for float16 without an accelerator, whose losses would need scaling that processors lack.

    For float64 with RAFT, too.
    """
    if recipe.precision == "float16" and not torch.cuda.is_available():
        raise SettingError("precision: float16 is for CUDA; use bfloat16 or float32 on this machine")
    if recipe.precision == "float64" and recipe.options.get("flow") == "raft_small":
        raise SettingError("precision: torchvision's RAFT works in float32 alone; use float32, or another options.flow")


def check_shares(recipe: Recipe, processes: int) -> None:
    """Raises SettingError where a batch cannot be shared out evenly."""
    for number, stage in enumerate(recipe.stages):
        if stage.batch % (processes * stage.accumulate):
            raise SettingError(
                f"stages.{number}: a batch of {stage.batch} clips cannot be shared by {processes} processes in "
                f"{stage.accumulate} parts each; make it a multiple of {processes * stage.accumulate}"
            )


def check_late(recipe: Recipe, system: AnySystem, processes: int) -> None:
    """Raises SettingError where clips with late objects would share a memory that late objects join.

    What is kept of a frame is decided for all clips of a part together: a frame in which an object comes in one clip
    would be remembered as a given one in the others too.
    """
    for number, stage in enumerate(recipe.stages):
        together = stage.batch // (processes * stage.accumulate)
        if system.kept_together and together > 1 and any(shape.late for shape in stage.shapes):
            raise SettingError(
                f"stages.{number}: with late objects {recipe.model} takes one clip at a time; set accumulate to "
                f"{stage.batch // processes}"
            )


def check_sizes(recipe: Recipe, system: AnySystem) -> None:
    """Raises SettingError where a clip's size is not on the system's grid."""
    for number, stage in enumerate(recipe.stages):
        for shape in stage.shapes:
            fitted = system.fit.place(shape.size).fitted
            if fitted != shape.size:
                raise SettingError(
                    f"stages.{number}.shapes: clips of {shape.size[0]}x{shape.size[1]} do not fit {recipe.model}; the "
                    f"next size that does is {fitted[0]}x{fitted[1]}"
                )
