"""The dynamic memory network: from what is remembered of an object, its template for this frame (section 3.2).

Shapes: b batch, n objects, c channels, k = c / 4 key channels, s side of a crop, h and w a memory frame's grid.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from longtake.memory import bank
from longtake.nn.decoder import conv3x3
from longtake.nn.position import moments
from longtake.nn.precise import precise
from longtake.systems.objects import fold, unfold

Crops = Float[Tensor, "b n c s s"]


class DynamicMemory(nn.Module):
    """Memory encoder, query encoder and template decoder: parallel 3x3 convolutions, and attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        keys = max(1, channels // 4)
        self.key = conv3x3(channels + 1, keys)
        self.value = conv3x3(channels + 1, channels)
        self.query = conv3x3(channels, keys)

    def write(
        self, objects: Float[Tensor, "b n c h w"], masks: Float[Tensor, "b n 1 h w"], offsets: Sequence[int]
    ) -> tuple[Float[Tensor, "b n k h w"], Float[Tensor, "b n c h w"]]:
        """Keys and values of objects in a frame. offsets: of the frame from each object's first, in frames."""
        x = fold(torch.cat([placed(objects, offsets), masks.to(objects.dtype)], dim=2))
        return unfold(self.key(x), objects.shape[1]), unfold(self.value(x), objects.shape[1])

    def ask(self, objects: Crops, offsets: Sequence[int]) -> Float[Tensor, "b n k s s"]:
        """The query of objects in the current frame."""
        return unfold(self.query(fold(placed(objects, offsets))), objects.shape[1])

    def read(self, query: Float[Tensor, "b n k s s"], entries: Sequence[bank.CroppedKeys]) -> Crops:
        """The template: values weighted by how much their keys are like the query (equation 1)."""
        keys, values = bank.stack(entries)
        asked, mask = query.flatten(3).transpose(2, 3), remembered(entries)
        found = F.scaled_dot_product_attention(asked, keys.transpose(2, 3), values.transpose(2, 3), attn_mask=mask)
        template: Tensor = found.transpose(2, 3).unflatten(3, query.shape[3:])
        return template


def placed(objects: Float[Tensor, "b n c h w"], offsets: Sequence[int]) -> Float[Tensor, "b n c h w"]:
    """Features that know how far their frame is from the object's first."""
    times = torch.tensor(offsets, device=objects.device, dtype=precise(objects).dtype)
    code: Float[Tensor, "n c"] = moments(times, objects.shape[2])
    return objects + code[:, :, None, None].to(objects.dtype)


def remembered(entries: Sequence[bank.CroppedKeys]) -> Tensor:
    """Which positions of memory are an object's own, [b, n, 1, m]: those of frames since it is followed."""
    return torch.cat([e.known[:, :, None].expand(-1, -1, e.keys[0, 0, 0].numel()) for e in entries], dim=2)[:, :, None]


def weights(query: Float[Tensor, "b n k s s"], entries: Sequence[bank.CroppedKeys]) -> Float[Tensor, "b n q m"]:
    """How much each position of the query reads from each of memory (equation 1), in float32 at least."""
    keys = precise(bank.stack_keys(entries))
    with torch.autocast(query.device.type, enabled=False):
        scores: Tensor = precise(query).flatten(3).transpose(2, 3) @ keys / keys.shape[2] ** 0.5
    return scores.masked_fill(~remembered(entries), -torch.inf).softmax(dim=3)
