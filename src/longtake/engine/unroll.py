"""Unroll: a training clip through `step`, gradients kept. The training loop sees only this module's forward.

Shapes: b batch, t frames, n objects, h height, w width.
"""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor, nn

from longtake.engine.step import Auxiliary, Rules, step
from longtake.systems.feedback import Feedback
from longtake.systems.protocol import AnySystem, FittedProposals, Prompt, State


@dataclass(frozen=True)
class Clip:
    """A batch of clips, fitted: RGB in [0, 1], one mask per object; valid marks the objects that are no padding.

    first: the frame in which each object is given, in rising order; None: all in frame 0.
    inside: 1 on the frame and 0 on its margins, None where there are none (as for crops).
    proposals: of each frame, None where nobody looked for them.
    """

    images: Float[Tensor, "b t 3 h w"]
    masks: Float[Tensor, "b t n h w"]
    valid: Bool[Tensor, "b n"]
    first: tuple[int, ...] | None = None
    inside: Float[Tensor, "1 1 h w"] | None = None
    proposals: tuple[FittedProposals, ...] | None = None

    def given(self, frame: int) -> Prompt | None:
        """The objects that are given in a frame."""
        first = self.first or (0,) * self.masks.shape[2]
        columns = [i for i, when in enumerate(first) if when == frame]
        if not columns:
            return None
        ids = tuple(i + 1 for i in columns)
        return Prompt(ids, self.masks[:, frame, columns], self.valid[:, columns])

    def known(self, frame: int) -> int:
        """How many objects were given before a frame."""
        return self.masks.shape[2] if self.first is None else sum(when < frame for when in self.first)


class Unroll(nn.Module):
    """Gives each object's mask in the frame in which it is given, then follows it; a system wrapped for training."""

    def __init__(self, system: AnySystem, rules: Rules) -> None:
        super().__init__()
        self.system, self.rules = system, replace(rules, disturbs=False)

    def forward(self, clip: Clip, feedback: Feedback | None = None) -> tuple[list[Tensor], list[Auxiliary]]:
        """Log-odds [b, 1+n', h, w] of frames 1, 2, ..., of the n' objects given before each, and auxiliary outputs.

        feedback: another than that of the rules.
        """
        rules = replace(self.rules, feedback=feedback) if feedback else self.rules
        state, outputs, auxiliary = State(), list[Tensor](), list[Auxiliary]()
        for t in range(clip.images.shape[1]):
            truth = clip.masks[:, t, : clip.known(t)]
            found = None if clip.proposals is None else clip.proposals[t]
            state, out = step(
                self.system,
                rules,
                state,
                clip.images[:, t],
                clip.given(t),
                inside=clip.inside,
                truth=truth,
                proposals=found,
            )
            if out.log_odds is not None:
                outputs.append(out.log_odds)
            auxiliary += out.auxiliary
        return outputs, auxiliary
