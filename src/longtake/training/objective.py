"""What a step makes smaller: the losses of a batch, weighted as its stage teaches."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtake.engine.step import Auxiliary
from longtake.errors import SettingError
from longtake.systems.teaching import Teaching, along, current
from longtake.training.batch import Batch
from longtake.training.losses import auxiliary, losses


def objective(
    unroll: nn.Module, teaching: Teaching, progress: float, batch: Batch
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The weighted sum as `loss`, each loss before its weight, and the log-odds of frames 1, 2, ...

    Losses are means over clips and frames. Raises SettingError where an auxiliary output is taught that is not there.
    """
    valid = batch.clip.valid
    outputs, spoken = unroll(batch.clip, current(teaching.feedback, progress))
    frames = []
    for t, log_odds in enumerate(outputs, start=1):
        known = log_odds.shape[1] - 1
        truth = batch.truth(t, range(1, known + 1))
        frames.append(losses(teaching, progress, log_odds, truth, valid[:, :known]))
    total, found = outputs[0].new_zeros(()), dict[str, Tensor]()
    for loss, weight in teaching.losses.items():
        found[loss] = torch.stack([frame[loss] for frame in frames]).mean()
        total = total + weight * found[loss]
    for name, curve in teaching.auxiliary.items():
        own, weight = [each for each in spoken if each.name == name], along(curve, progress)
        found[name] = _auxiliary(teaching, progress, own, name, batch)
        if weight:
            total = total + weight * found[name]
    return {"loss": total, **found}, outputs


def _auxiliary(teaching: Teaching, progress: float, spoken: Sequence[Auxiliary], name: str, batch: Batch) -> Tensor:
    """The mean over clips of what the outputs of a name cost each; one about none of its objects costs it nothing."""
    if not spoken:
        raise SettingError(f"teaching.auxiliary: no output of the system is named {name}")
    costs, counted = [], []
    for each in spoken:
        own = batch.clip.valid[:, [i - 1 for i in each.ids]]
        truth = batch.truth(each.frame, each.ids)
        costs.append(auxiliary(teaching, progress, each.value, truth, own, any_object=each.any_object))
        counted.append(own.any(dim=1))
    there = torch.stack(counted)
    means = torch.where(there, torch.stack(costs), 0).sum(dim=0) / there.sum(dim=0).clamp(min=1)
    return means.mean()
