"""Pictures of what a model predicts while it is trained: the first clip of a batch, truth above prediction."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from longtake.data.labels import VOID
from longtake.export.overlay import blend
from longtake.training.batch import Batch
from longtake.video.whole import whole

GAP = 4
"""Pixels between frames."""


def write_picture(path: Path, batch: Batch, outputs: list[Tensor]) -> None:
    """A PNG: a column per frame, above with the true ids, below with the predicted ones (in the first: the given)."""
    clip = batch.clip
    pictures = (clip.images[0].float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    truth = torch.where(batch.ids[0] == VOID, 0, batch.ids[0])
    predicted = [truth[0], *(_labels(output[0], clip.valid[0]) for output in outputs)]
    rows = []
    for labels in (list(truth), predicted):
        tiles = [_tile(picture, ids) for picture, ids in zip(pictures, labels, strict=True)]
        rows.append(np.concatenate(tiles, axis=1))
    path.parent.mkdir(exist_ok=True)
    with whole(path) as partial:
        Image.fromarray(np.concatenate(rows)).save(partial, format="PNG")


def _labels(log_odds: Tensor, valid: Tensor) -> Tensor:
    """The likeliest id per pixel [h, w], of those that are no padding."""
    there = torch.cat([valid.new_ones(1), valid[: len(log_odds) - 1]])
    return log_odds.detach().masked_fill(~there[:, None, None], -torch.inf).argmax(dim=0)


def _tile(picture: np.ndarray, ids: Tensor) -> np.ndarray:
    labels = ids.cpu().numpy().astype(np.uint16)
    names = tuple(int(name) for name in np.unique(labels) if name)
    return np.pad(blend(np.ascontiguousarray(picture), labels, names), ((0, GAP), (0, GAP), (0, 0)))
