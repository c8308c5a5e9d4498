"""The long-term memory: one vector per object, and where in a frame features agree with it (DTMNet, section 3.3).

Shapes: b batch, n objects, d feature channels, h and w the grid at stride 16.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.nn.precise import precise
from longtake.nn.recurrent import GatedVector, Pool, pooled

VISIBLE = 1.0
"""Places at stride 16 that an object must cover for its vector to change."""


class LongTerm(nn.Module):
    """The simplified gated recurrent unit over what is under an object's mask.

    skip_empty: a frame in which an object is hardly seen leaves its vector as it is; otherwise it fades (equation 8).
    """

    def __init__(self, channels: int, pool: Pool, *, skip_empty: bool) -> None:
        super().__init__()
        self.pool: Pool = pool
        self.skip_empty = skip_empty
        self.unit = GatedVector(channels)

    def begun(self, x: Float[Tensor, "b d h w"], masks: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n d"]:
        """The vector after the frame in which an object is given: what is under its mask (h_1 = x_1)."""
        return pooled(x, masks, self.pool)

    def updated(
        self,
        x: Float[Tensor, "b d h w"],
        masks: Float[Tensor, "b n h w"],
        state: Float[Tensor, "b n d"],
        anew: Bool[Tensor, "n"],
    ) -> Float[Tensor, "b n d"]:
        """The vectors after a frame (equations 7 and 8); those of `anew` begin again in it."""
        inputs = pooled(x, masks, self.pool)
        after = self.unit(inputs, state)
        if self.skip_empty:
            seen = masks.sum(dim=(2, 3), keepdim=True)[..., 0] >= VISIBLE
            after = torch.where(seen, after, state)
        return torch.where(anew[:, None], inputs, after)

    def attention(self, x: Float[Tensor, "b d h w"], state: Float[Tensor, "b n d"]) -> Float[Tensor, "b n h w"]:
        """Where the features agree with the vector: their product over the number of channels (section 3.4)."""
        with torch.autocast(x.device.type, enabled=False):
            return torch.einsum("bnd,bdhw->bnhw", precise(state), precise(x)) / x.shape[1]
