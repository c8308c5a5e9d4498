"""A batch of the loader as a clip: ids become a mask per object, in the order in which objects are given.

Shapes: b batch, t frames, n objects, h height, w width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from longtake.data.labels import VOID
from longtake.engine.proposals import from_masks
from longtake.engine.unroll import Clip


@dataclass(frozen=True)
class Batch:
    """A clip, and its ids as the losses want them: column i of the clip is id i + 1, 255 is void."""

    clip: Clip
    ids: Int[Tensor, "b t h w"]

    def truth(self, frame: int, objects: Sequence[int]) -> Int[Tensor, "b h w"]:
        """The ids of a frame, those of the given objects as 1, 2, ... in their order; all others are background."""
        table = torch.zeros(VOID + 1, dtype=torch.long, device=self.ids.device)
        table[VOID] = VOID
        table[list(objects)] = torch.arange(1, len(objects) + 1, device=self.ids.device)
        return table[self.ids[:, frame]]


def make_batch(
    images: UInt8[Tensor, "b t 3 h w"],
    ids: UInt8[Tensor, "b t h w"],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    late: bool = False,
    proposals: UInt8[Tensor, "b t p h w"] | None = None,
) -> Batch:
    """The batch on a device.

    late: an object that comes after the first frame is given when it does; else it is background. A column is given in
    one frame over the whole batch, and is padding for clips in which no object comes then. proposals: empty ones are
    padding.
    """
    columns = _columns(ids, late)
    whole = ids.to(device).long()
    renamed = torch.where(whole == VOID, VOID, 0)
    valid = torch.zeros(len(ids), max(1, len(columns)), dtype=torch.bool, device=device)
    for column, (_, names) in enumerate(columns):
        for i, name in names.items():
            renamed[i] = torch.where(whole[i] == name, column + 1, renamed[i])
            valid[i, column] = True
    every = torch.arange(1, valid.shape[1] + 1, device=device)
    masks = (renamed[:, :, None] == every[:, None, None]).to(dtype)
    first = tuple(when for when, _ in columns) or (0,)
    found = None
    if proposals is not None:
        found = tuple(from_masks(some.to(device).to(dtype)) for some in proposals.unbind(dim=1))
    pictures = images.to(device).to(dtype) / 255
    return Batch(Clip(pictures, masks, valid, first, proposals=found), renamed)


def _columns(ids: UInt8[Tensor, "b t h w"], late: bool) -> list[tuple[int, dict[int, int]]]:
    """For each column the frame in which it is given, and by clip the object that it holds; those of frame 0 first."""
    firsts = list[dict[int, list[int]]]()
    for clip in ids:
        seen, by_frame = {0, VOID}, dict[int, list[int]]()
        for t, frame in enumerate(clip if late else clip[:1]):
            fresh = [int(name) for name in frame.unique() if int(name) not in seen]
            by_frame[t] = fresh
            seen.update(fresh)
        firsts.append(by_frame)
    columns = []
    last = ids.shape[1] - 1  # an object that comes in the last frame has no frame left to be followed in
    for t in range(max(1, last) if late else 1):
        for place in range(max(len(by_frame[t]) for by_frame in firsts)):
            held = {i: by_frame[t][place] for i, by_frame in enumerate(firsts) if place < len(by_frame[t])}
            columns.append((t, held))
    # there is always a column in frame 0, so that every frame after it is segmented
    if columns and columns[0][0] > 0:
        columns.insert(0, (0, {}))
    return columns
