"""DDMemory: reference, global and local memory of constant size (Hong et al., LVOS, section 4), upon AOT's transformer.

Equations and their place are listed in the README beside this file.
Shapes: b batch, n objects, h height, w width of the fitted frame; p positions at stride 16, c channels.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

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
from longtake.systems.ddmemory.memory import Bank, Banks, Identities, Layer, Remembered, absent, joined
from longtake.systems.ddmemory.transformer import Asked, Block, Passed, Tokens, to_map, to_tokens
from longtake.systems.feedback import Feedback
from longtake.systems.protocol import Inputs, Look, Segmentation, Targets, VOSSystem, Written

T = TypeVar("T")


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
    parts = ("see", "recall", "remember", "present", "take_in")

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
        tokens, position, *skips = self.see(inputs.images)
        size = (inputs.images.shape[2], inputs.images.shape[3])
        return DDFeatures(tokens, position, Skips(*skips), (skips[0].shape[2], skips[0].shape[3]), size)

    def see(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """A frame's positions, where they lie, and what the decoder takes at strides 16, 8 and 4."""
        f4, f8, f16, *further = self.backbone.features(self.backbone.stem(images))
        last = self.projector(further[0] if further else f16)
        skips = self.decoder.skips(f4, f8, f16)
        position = sinusoid(last.shape[2], last.shape[3], last.shape[1], last)
        return to_tokens(last), position, skips.f16, skips.f8, skips.f4

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
        past = memory.reference + memory.recurrent
        slots = None if self.slots is None else self.slots + len(memory.recurrent)
        far = flat(joined(past, slots)) or self._none
        near = flat(memory.local[0].layers) if "local" in self.banks else self._none
        seen = features.tokens, features.position, *features.skips.planes
        planes, *passed = self.recall(*seen, absent(past, slots), *far, *near)
        log_odds = self._spread(features, planes, memory.identities, valid)
        return Segmentation(log_odds, Passed(tuple(Asked(*pair) for pair in pairs(passed)), features.grid))

    def recall(
        self,
        tokens: Tokens,
        position: Float[Tensor, "p c"],
        skip16: Tensor,
        skip8: Tensor,
        skip4: Tensor,
        bias: Float[Tensor, " m"] | None,
        *memory: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Log-odds of all identities at stride 4, and what each layer has seen and asked.

        memory: keys and values of each layer, first those of long-term memory [b, m, c], then those of short-term
        memory [b, p, c]. bias: of each position of long-term memory.
        """
        x, grid, passed, outputs = tokens, (skip16.shape[2], skip16.shape[3]), list[Tensor](), list[Tensor]()
        held = pairs(memory)
        for layer, far, near in zip(self._blocks, held[: len(held) // 2], held[len(held) // 2 :], strict=True):
            x, asked = layer.ask(x, position)
            x = layer.read(x, asked, _layer(*far), _layer(*near), grid, bias)
            passed += [asked.seen, asked.keys]
            outputs.append(layer.norm_out(x))
        maps = [to_map(each, grid) for each in (tokens, *outputs)]
        return self.decoder(maps, Skips(skip16, skip8, skip4)), *passed

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
            seen = [asked.seen for asked in trace.layers]
            values = self.remember(_present(targets), memory.identities.own, *seen)
            keys = [asked.keys for asked in trace.layers]
            layers = tuple(Layer(*pair) for pair in zip(keys, values, strict=True))
            frame, auxiliary = Remembered(plan.time, plan.role, layers), {}
        else:
            return Written(memory)
        return Written(replace(memory, local=(frame,) * self._keeps_local), auxiliary)

    def remember(self, masks: Float[Tensor, "b n h w"], own: Int[Tensor, "b n"], *seen: Tensor) -> tuple[Tensor, ...]:
        """The values of each layer, from what it has seen of a frame, once it is known who is where."""
        identity = self.identities.embed(masks, own)
        return tuple(layer.value(each + identity) for layer, each in zip(self._blocks, seen, strict=True))

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
        return (None,) * (2 * len(self.layers))

    def _identities(self, targets: Targets) -> Identities:
        """Identities in their order, or in training in a random one, for each clip its own (AOT, section 4.1)."""
        b, n = targets.valid.shape
        device = targets.valid.device
        order = torch.arange(self.capacity, device=device).expand(b, -1)
        if self.training and self.shuffle:
            order = torch.rand(order.shape, device=device).argsort(dim=1)
        return Identities(n, order, order[:, :n])

    def _given(
        self, features: DDFeatures, targets: Targets, identities: Identities, plan: Plan
    ) -> tuple[Remembered, dict[str, Tensor]]:
        """A frame whose masks are known: every layer reads what the frame itself has to tell."""
        grid = features.grid
        found = self.present(to_map(features.tokens, grid), features.position, _present(targets), identities.own)
        count = len(self.layers)
        layers, auxiliary = tuple(Layer(*pair) for pair in pairs(found[: 2 * count])), dict[str, Tensor]()
        if self.training:
            maps = [to_map(each, grid) for each in (features.tokens, *found[2 * count :])]
            planes = self.decoder(maps, features.skips)
            auxiliary = {"reference": self._spread(features, planes, identities, targets.valid)}
        return Remembered(plan.time, plan.role, layers), auxiliary

    def present(
        self,
        image: Float[Tensor, "b c h16 w16"],
        position: Float[Tensor, "p c"],
        masks: Float[Tensor, "b n h w"],
        own: Int[Tensor, "b n"],
    ) -> tuple[Tensor, ...]:
        """Keys and values of each layer in a frame whose masks are known, and then what each layer puts out."""
        identity, grid = self.identities.embed(masks, own), (image.shape[2], image.shape[3])
        x, layers, outputs = to_tokens(image), list[Tensor](), list[Tensor]()
        for layer in self._blocks:
            x, asked = layer.ask(x, position)
            held = layer.remember(asked, identity)
            far = held if not self.banks.isdisjoint(("reference", "global")) else None
            x = layer.read(x, asked, far, held if "local" in self.banks else None, grid)
            layers += [held.keys, held.values]
            outputs.append(layer.norm_out(x))
        return *layers, *outputs

    def _consumed(self, memory: Banks, trace: Passed) -> tuple[Remembered, ...]:
        """The global memory once it has taken in the local one, which is not the first frame (equation 2)."""
        if not memory.recurrent or memory.local[0].time == memory.born:
            return memory.recurrent
        frame, state = memory.local[0], memory.recurrent[0]
        taken = self.take_in(*(to_map(each, trace.grid) for each in flat(frame.layers + state.layers)))
        return (Remembered(frame.time, "recent", tuple(Layer(*pair) for pair in pairs(taken))),)

    def take_in(self, *maps: Float[Tensor, "b c h w"]) -> tuple[Tensor, ...]:
        """Keys and values of each layer's global memory, from those of the local memory and then its own, as maps."""
        grid, after = (maps[0].shape[2], maps[0].shape[3]), list[Tensor]()
        layers = [Layer(to_tokens(keys), to_tokens(values)) for keys, values in pairs(maps)]
        count = len(self.layers)
        for block, new, old in zip(self._blocks, layers[:count], layers[count:], strict=True):
            layer = block.global_memory(new, old, grid)
            after += [layer.keys, layer.values]
        return tuple(after)

    def _spread(
        self,
        features: DDFeatures,
        planes: Float[Tensor, "b _ h4 w4"],
        identities: Identities,
        valid: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b _ h w"]:
        """Log-odds of the objects on the frame, from those of all identities at stride 4."""
        log_odds = F.interpolate(identities.of_objects(planes), features.size, mode="bilinear", align_corners=True)
        there = torch.cat([valid.new_ones(len(valid), 1), valid], dim=1)
        return log_odds.masked_fill(~there[:, :, None, None], EXCLUDED)


def _present(targets: Targets) -> Float[Tensor, "b n h w"]:
    """The masks of a cohort's objects, without those that are padding."""
    return targets.masks * targets.valid[:, :, None, None]


def flat(layers: Iterable[Layer]) -> tuple[Tensor, ...]:
    """Keys and values of all layers, one after the other."""
    return tuple(tensor for layer in layers for tensor in (layer.keys, layer.values))


def pairs(tensors: Sequence[T]) -> list[tuple[T, T]]:
    """Each two neighbours of what `flat` gives."""
    return list(zip(tensors[::2], tensors[1::2], strict=True))


def _layer(keys: Tensor | None, values: Tensor | None) -> Layer | None:
    return None if keys is None or values is None else Layer(keys, values)
