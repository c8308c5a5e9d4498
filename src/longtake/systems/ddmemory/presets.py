"""The presets of DDMemory: which sizes and switches build which network."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from longtake.nn.backbone import BackboneName, build_backbone
from longtake.nn.recurrent import Candidate, GatedMap
from longtake.systems.ablation import Ablation
from longtake.systems.ddmemory.ablation import ABLATION
from longtake.systems.ddmemory.decoder import PyramidDecoder
from longtake.systems.ddmemory.memory import Bank
from longtake.systems.ddmemory.model import DDMemory
from longtake.systems.ddmemory.transformer import Block, GlobalMemory
from longtake.systems.protocol import Preset
from longtake.systems.teaching import Group, Schedule, Teaching


@dataclass(frozen=True, kw_only=True)
class DDMemoryPreset(Preset):
    """`ddmemory-mobilenet-v2`: the network of the LVOS paper, 13.0 M parameters.

    memory: the banks that are kept and read (tables 4 and 9). identities: objects per group. maximum_corrections: how
    many references that brought no new object stay, the newest. gru_split: keys and values each in a unit of their
    own. gru_candidate: tanh as in the unit that the paper cites, which bounds what the global memory can hold to 1;
    linear does not. drop, shuffle: AOT's randomness in training, of layers and of who gets which identity.
    """

    bank = "C"
    backbone: BackboneName = "mobilenet_v2"
    width: PositiveInt = 256
    heads: PositiveInt = 8
    layers: PositiveInt = 3
    radius: NonNegativeInt = 7
    identities: PositiveInt = 10
    memory: Annotated[tuple[Bank, ...], Field(min_length=1)] = ("reference", "global", "local")
    maximum_corrections: PositiveInt = 4
    gru_kernel: Literal[1, 3] = 1
    gru_split: bool = False
    gru_candidate: Candidate = "tanh"
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.1
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.width % 16 or self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of 16 and of {self.heads} heads")

    def build(self) -> DDMemory:
        backbone = build_backbone(self.backbone, "dilated" if self.backbone == "mobilenet_v2" else "stride16")
        blocks = [self._block() for _ in range(self.layers)]
        inputs = (1 + self.layers) * self.width
        return DDMemory(
            backbone,
            blocks,
            PyramidDecoder(inputs, self.width, backbone.widths, self.identities),
            width=self.width,
            identities=self.identities,
            banks=self.memory,
            maximum=self.maximum_corrections,
            shuffle=self.shuffle,
        )

    def _block(self) -> Block:
        count = 2 if self.gru_split else 1
        channels = 2 * self.width // count
        units = [GatedMap(channels, self.gru_kernel, self.gru_candidate) for _ in range(count)]
        return Block(self.width, self.heads, self.radius, 4 * self.width, self.drop, GlobalMemory(units))

    def tiny(self) -> "DDMemoryPreset":
        backbone: BackboneName = "mobilenet_v2" if self.backbone == "mobilenet_v2" else "resnet18"
        return dataclasses.replace(self, backbone=backbone, width=16, heads=2, layers=2, radius=2, identities=4)

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """As the paper says, and AOT where it says nothing (fact by fact in the README)."""
        return Teaching(
            losses={"bootstrapped": 0.5, "dice_present": 0.5},
            hardest=((0.0, 1.0), (0.5, 0.15)),
            auxiliary={"reference": ((0.0, 1.0), (1.0, 0.0))},
            feedback=((0.0, "truth"), (0.5, "hard")),
            schedule=Schedule(kind="poly", power=0.9, floor=0.1),
            weight_decay=0.07,
            clip_norm=5.0,
            optimizer="adamw",
            groups=(
                Group(names=("backbone.*",), rate=0.1),
                Group(names=("identities.*",), until=0.5),
                Group(names=("*.relative_value", "decoder.predict.*"), decay=0.0),
            ),
            frozen=("backbone.stem_conv.*", "backbone.after_stem.*", "backbone.stages.0.*"),
            average=0.999,
        )
