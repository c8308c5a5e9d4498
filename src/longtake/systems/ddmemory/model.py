"""DDMemory: reference, global and local memory of constant size (Hong et al., LVOS, section 4), upon AOT's transformer.

Equations and their place are listed in the README beside this file.
Shapes: b batch, n objects, h height, w width of the fitted frame; p positions at stride 16, c channels.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from longtake.geometry import Fit, Size
from longtake.memory.policy import First, Held, Plan
from longtake.nn.aggregate import EXCLUDED, Merge
from longtake.nn.backbone import Backbone
from longtake.nn.position import sinusoid
from longtake.systems.ddmemory.decoder import PyramidDecoder, Skips
from longtake.systems.ddmemory.looks import looks
from longtake.systems.ddmemory.memory import Bank, Banks, Identities, Layer, Remembered, joined
from longtake.systems.ddmemory.transformer import Asked, Block, Passed, Tokens, to_map, to_tokens
from longtake.systems.feedback import Feedback
from longtake.systems.protocol import Inputs, Look, Segmentation, Targets, VOSSystem, Written


@dataclass(frozen=True)
class DDFeatures:
    """A frame: its positions [b, p, c], where they lie [p, c], what the decoder takes, the grid, the frame's size."""

    tokens: Tensor
    position: Tensor
    skips: Skips
    grid: Size
    size: Size


class IdentityBank(nn.Conv2d):
    """One vector per position from the masks around it, by who is where (AOT's patch-wise identity bank)."""

    def __init__(self, identities: int, width: int) -> None:
        super().__init__(1 + identities, width, kernel_size=17, stride=16, padding=8)
        with torch.no_grad():
            nn.init.orthogonal_(self.weight.view(width, -1), gain=17**-2)

    def embed(self, masks: Float[Tensor, "b n h w"], own: Int[Tensor, "b n"]) -> Tokens:
        """The vectors of a frame in which objects of these identities are where their masks are.

        It is the convolution over planes of all identities without those that are empty: each clip of a batch is a
        group with the weights of its own objects.
        """
        b = len(masks)
        background = (1 - masks.sum(dim=1, keepdim=True)).clamp(0, 1)
        planes = torch.cat([background, masks], dim=1).flatten(0, 1)[None]
        chosen = torch.cat([torch.zeros_like(own[:, :1]), own + 1], dim=1)
        weights = self.weight[:, chosen].transpose(0, 1).flatten(0, 1)
        assert self.bias is not None
        found = F.conv2d(planes, weights, self.bias.repeat(b), self.stride, self.padding, groups=b)
        return to_tokens(found.reshape(b, -1, *found.shape[2:]))


class DDMemory(VOSSystem[DDFeatures, Banks]):
    """All objects of a group in one pass; what it remembers of a video does not grow with it."""

    fit = Fit(multiple=16, offset=1, fill="resize")
    merge: Merge = "grouped"
    feedback: Feedback = "hard"
    accepts_policy = False
    kept_together = True

    def __init__(
        self,
        backbone: Backbone,
        layers: Sequence[Block],
        decoder: PyramidDecoder,
        *,
        width: int,
        identities: int,
        banks: Collection[Bank],
        maximum: int,
        shuffle: bool,
    ) -> None:
        """banks: what is kept and read. maximum: of references without a new object, how many are kept."""
        super().__init__()
        self.backbone, self.decoder = backbone, decoder
        self.projector = nn.Conv2d(backbone.widths.last, width, kernel_size=1)
        nn.init.xavier_uniform_(self.projector.weight)
        self.identities = IdentityBank(identities, width)
        self.layers = nn.ModuleList(layers)
        self.capacity: int = identities
        self.shuffle, self.banks = shuffle, frozenset(banks)
        self.policy = First(previous=True, maximum=maximum)

    def encode(self, inputs: Inputs) -> DDFeatures:
        f4, f8, f16, *further = self.backbone.features(self.backbone.stem(inputs.images))
        last = self.projector(further[0] if further else f16)
        grid, size = (last.shape[2], last.shape[3]), (inputs.images.shape[2], inputs.images.shape[3])
        position = sinusoid(*grid, last.shape[1], last)
        return DDFeatures(to_tokens(last), position, self.decoder.skips(f4, f8, f16), grid, size)

    def begin(self, features: DDFeatures, targets: Targets, plan: Plan) -> Written[Banks]:
        """Equation 2 begins here: the global memory is the reference (Mem_G^1 = f_M^1)."""
        identities = self._identities(targets)
        frame, auxiliary = self._given(features, targets, identities, plan)
        memory = Banks(
            identities,
            born=plan.time,
            reference=(frame,) * ("reference" in self.banks),
            recurrent=(frame,) * ("global" in self.banks),
            local=(frame,) * self._keeps_local,
        )
        return Written(memory, auxiliary)

    def segment(self, features: DDFeatures, memory: Banks, valid: Bool[Tensor, "b n"], time: int) -> Segmentation:
        """Long-term attention to reference and global memory, short-term attention to the local one (section 4.1)."""
        long_term = joined(memory.reference + memory.recurrent) or self._none
        short_term = memory.local[0].layers if "local" in self.banks else self._none
        x, passed, outputs = features.tokens, list[Asked](), list[Tensor]()
        for layer, far, near in zip(self._blocks, long_term, short_term, strict=True):
            x, asked = layer.ask(x, features.position)
            x = layer.read(x, asked, far, near, features.grid)
            passed.append(asked)
            outputs.append(layer.norm_out(x))
        log_odds = self._decode(features, outputs, memory.identities, valid)
        return Segmentation(log_odds, Passed(tuple(passed), features.grid))

    def memorize(
        self, features: DDFeatures, targets: Targets, trace: Passed, memory: Banks, plan: Plan
    ) -> Written[Banks]:
        """The frame becomes the local memory, and the last local memory part of the global one (equation 2).

        A frame with given masks, or in which a given mask took pixels from these objects, is one more reference.
        """
        joining = targets.valid.shape[1] - memory.identities.count
        memory = replace(memory, identities=memory.identities.joined(joining), recurrent=self._consumed(memory, trace))
        if plan.role in ("first", "given"):
            frame, auxiliary = self._given(features, targets, memory.identities, plan)
            reference = (*(each for each in memory.reference if (each.time, each.role) in plan.kept), frame)
            memory = replace(memory, reference=reference if "reference" in self.banks else ())
        elif self._keeps_local:
            identity = self._embed(memory.identities, targets)
            parts = zip(self._blocks, trace.layers, strict=True)
            layers = tuple(layer.remember(asked, identity) for layer, asked in parts)
            frame, auxiliary = Remembered(plan.time, plan.role, layers), {}
        else:
            return Written(memory)
        return Written(replace(memory, local=(frame,) * self._keeps_local), auxiliary)

    def held(self, memory: Banks) -> tuple[Held, ...]:
        return memory.held()

    def room(self, memory: Banks) -> int:
        return memory.identities.left

    def looks(self, memory: Banks, trace: Passed, masks: Float[Tensor, "b n h w"]) -> tuple[Look, ...]:
        return looks(self._blocks, memory, trace, masks, local="local" in self.banks)

    @property
    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.layers))

    @property
    def _keeps_local(self) -> bool:
        """Whether the last frame is kept: to be read, or for the global memory to take in later."""
        return not self.banks.isdisjoint(("local", "global"))

    @property
    def _none(self) -> tuple[None, ...]:
        return (None,) * len(self.layers)

    def _identities(self, targets: Targets) -> Identities:
        """Identities in their order, or in training in a random one, for each clip its own (AOT, section 4.1)."""
        b, n = targets.valid.shape
        device = targets.valid.device
        order = torch.arange(self.capacity, device=device).expand(b, -1)
        if self.training and self.shuffle:
            order = torch.rand(order.shape, device=device).argsort(dim=1)
        return Identities(n, order, order[:, :n])

    def _embed(self, identities: Identities, targets: Targets) -> Tokens:
        return self.identities.embed(targets.masks * targets.valid[:, :, None, None], identities.own)

    def _given(
        self, features: DDFeatures, targets: Targets, identities: Identities, plan: Plan
    ) -> tuple[Remembered, dict[str, Tensor]]:
        """A frame whose masks are known: every layer reads what the frame itself has to tell."""
        identity = self._embed(identities, targets)
        x, layers, outputs = features.tokens, list[Layer](), list[Tensor]()
        for layer in self._blocks:
            x, asked = layer.ask(x, features.position)
            own = layer.remember(asked, identity)
            far = own if not self.banks.isdisjoint(("reference", "global")) else None
            x = layer.read(x, asked, far, own if "local" in self.banks else None, features.grid)
            layers.append(own)
            outputs.append(layer.norm_out(x))
        auxiliary = {"reference": self._decode(features, outputs, identities, targets.valid)} if self.training else {}
        return Remembered(plan.time, plan.role, tuple(layers)), auxiliary

    def _consumed(self, memory: Banks, trace: Passed) -> tuple[Remembered, ...]:
        """The global memory once it has taken in the local one, which is not the first frame (equation 2)."""
        if not memory.recurrent or memory.local[0].time == memory.born:
            return memory.recurrent
        frame, state = memory.local[0], memory.recurrent[0]
        parts = zip(self._blocks, frame.layers, state.layers, strict=True)
        layers = tuple(block.global_memory(new, old, trace.grid) for block, new, old in parts)
        return (Remembered(frame.time, "recent", layers),)

    def _decode(
        self, features: DDFeatures, outputs: Sequence[Tokens], identities: Identities, valid: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b _ h w"]:
        maps = [to_map(each, features.grid) for each in (features.tokens, *outputs)]
        planes = identities.of_objects(self.decoder(maps, features.skips))
        log_odds = F.interpolate(planes, features.size, mode="bilinear", align_corners=True)
        there = torch.cat([valid.new_ones(len(valid), 1), valid], dim=1)
        return log_odds.masked_fill(~there[:, :, None, None], EXCLUDED)
