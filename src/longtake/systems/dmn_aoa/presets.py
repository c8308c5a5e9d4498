"""The presets of DMN-AOA: which sizes and switches build which network."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from longtake.memory.policy import parse_policy
from longtake.nn.align import Compare
from longtake.nn.backbone import BackboneName, build_backbone
from longtake.nn.matching import Average
from longtake.systems.ablation import Ablation
from longtake.systems.dmn_aoa.ablation import ABLATION
from longtake.systems.dmn_aoa.coarse import Decoded, Matched, Moved
from longtake.systems.dmn_aoa.crops import BaseFeatures, Fuse, ObjectFeatures
from longtake.systems.dmn_aoa.matcher import Assign, Matcher, Projector
from longtake.systems.dmn_aoa.model import DMNAOA
from longtake.systems.dmn_aoa.norm import Norm, norm_of
from longtake.systems.dmn_aoa.refine import Refinement
from longtake.systems.dmn_aoa.template import DynamicMemory
from longtake.systems.protocol import Preset
from longtake.systems.teaching import Group, Teaching, on_small_machines


@dataclass(frozen=True, kw_only=True)
class DMNAOAPreset(Preset):
    """DMN-AOA, as published with `resnet50` or `resnet101`.

    base: channels at strides 4, 8 and 16. features: c, of objects; projected: C_D, in which they are compared.
    refine_widths: from stride 16 to 4. groups: of every norm. roi_side: of crops; fuse: of which levels they are.

    Rows of table 3: dynamic_memory (A1, A3), alignment (A1, A2), frame_memory (A4), matcher (A5), refinement (A6);
    memory, a policy as `parse_policy` reads it (B1 to B4: first, previous, first+previous, all).

    sharpness: alpha of equation 2. compare, iou_weight, average, assign, match_steps: of the matcher, see `nn.align`,
    `nn.matching`. align_references: whether the refinement's other frames are brought into line. query_box: how much
    larger than the last box the query's is. moved: see `coarse.Moved`.
    """

    bank = "A"
    backbone: BackboneName = "resnet50"
    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (256, 256, 256)
    features: Annotated[int, Field(ge=4)] = 256
    projected: PositiveInt = 128
    refine_widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (256, 256, 256)
    groups: PositiveInt = 32
    roi_side: PositiveInt = 14
    fuse: Fuse = "concat"
    dynamic_memory: bool = True
    alignment: bool = True
    frame_memory: bool = False
    matcher: bool = True
    refinement: bool = True
    memory: str = "every:5:12"
    sharpness: PositiveFloat = 100.0
    compare: Compare = "mean"
    iou_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    average: Average = "projected"
    assign: Assign = "soft"
    match_steps: PositiveInt = 40
    align_references: bool = True
    query_box: Annotated[float, Field(ge=1)] = 1.0
    moved: Moved = "alone"

    def __post_init__(self) -> None:
        parse_policy(self.memory)
        if self.frame_memory and not self.dynamic_memory:
            raise ValueError("frame_memory is a kind of dynamic_memory; leave that on")
        if not self.matcher and not self.dynamic_memory:
            raise ValueError("without matcher masks are decoded from the dynamic memory; leave dynamic_memory on")

    def build(self) -> DMNAOA:
        backbone, norm = build_backbone(self.backbone), norm_of(self.groups)
        widths = backbone.widths
        coarsest_first = self.base[::-1]
        refinement = Refinement(coarsest_first, self.refine_widths, norm) if self.refinement else None
        references = None
        if self.refinement and self.align_references:
            references = (
                Projector(self.base[2], self.projected, norm),
                Projector(self.base[2], self.projected, norm),
            )
        return DMNAOA(
            backbone,
            BaseFeatures((widths.stride4, widths.stride8, widths.stride16), self.base, norm),
            ObjectFeatures(self.base, self.features, self.roi_side, self.fuse, norm),
            DynamicMemory(self.features) if self.dynamic_memory else None,
            self._matched(norm) if self.matcher else Decoded(self.features),
            refinement,
            references,
            policy=parse_policy(self.memory),
            sharpness=self.sharpness,
            query_box=self.query_box,
            frame_memory=self.frame_memory,
        )

    def _matched(self, norm: Norm) -> Matched:
        matcher = Matcher(
            self.features,
            self.projected,
            norm,
            align=self.alignment,
            sharpness=self.sharpness,
            compare=self.compare,
            average=self.average,
            assign=self.assign,
            steps=self.match_steps,
        )
        return Matched(matcher, self.moved, self.iou_weight)

    def tiny(self) -> "DMNAOAPreset":
        backbone: BackboneName = "mobilenet_v2" if self.backbone == "mobilenet_v2" else "resnet18"
        return dataclasses.replace(
            self, backbone=backbone, groups=4, base=(8, 8, 16), features=16, projected=8, refine_widths=(16, 8, 8)
        )

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """As the paper says, cross-entropy, Adam, a backbone that learns ten times as slowly; and by coarse masks.

        Without the latter an object's own proposals would teach the matcher nothing. The compact preset learns by
        overlap too.
        """
        if self.backbone != "mobilenet_v2":
            return Teaching(auxiliary={"coarse": 0.5}, groups=(Group(names=("backbone.*",), rate=0.1),))
        return on_small_machines(losses={"cross_entropy": 1.0, "dice": 1.0}, auxiliary={"coarse": 0.5})
