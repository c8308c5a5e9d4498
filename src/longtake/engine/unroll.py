"""Unroll: a training clip through `step`, gradients kept. The training loop sees only this module's forward.

Shapes: b batch, t frames, n objects, h height, w width.
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.engine.step import Rules, step
from longtake.systems.protocol import AnySystem, Prompt, State


@dataclass(frozen=True)
class Clip:
    """A batch of clips, fitted: RGB in [0, 1], one mask per object; valid marks the objects that are no padding.

    inside: 1 on the frame and 0 on its margins, None where there are none (as for crops).
    """

    images: Float[Tensor, "b t 3 h w"]
    masks: Float[Tensor, "b t n h w"]
    valid: Bool[Tensor, "b n"]
    inside: Float[Tensor, "1 1 h w"] | None = None


class Unroll(nn.Module):
    """Gives the first frame's masks, then follows them; a system wrapped for training."""

    def __init__(self, system: AnySystem, rules: Rules) -> None:
        super().__init__()
        self.system, self.rules = system, rules

    def forward(self, clip: Clip) -> tuple[list[Tensor], dict[str, Any]]:
        """Log-odds [b, 1+n, h, w] of frames 1, 2, ..., and the auxiliary outputs."""
        ids = tuple(range(1, clip.masks.shape[2] + 1))
        state, outputs, auxiliary = State(), [], dict[str, Any]()
        for t in range(clip.images.shape[1]):
            prompt = Prompt(ids, clip.masks[:, 0], clip.valid) if t == 0 else None
            state, out = step(
                self.system, self.rules, state, clip.images[:, t], prompt, inside=clip.inside, truth=clip.masks[:, t]
            )
            if out.log_odds is not None:
                outputs.append(out.log_odds)
            auxiliary |= {f"{name}@{t}": value for name, value in out.auxiliary.items()}
        return outputs, auxiliary
