"""The presets of LSTNet: which sizes and switches build which network."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PositiveInt
from torch import nn

from longtake.nn.backbone import Backbone, BackboneName, build_backbone
from longtake.nn.decoder import Refine
from longtake.nn.flow import Flow
from longtake.nn.gates import ChannelSpatialGates
from longtake.nn.liteflownet import LiteFlowNet
from longtake.nn.raft import RaftSmall
from longtake.nn.relation import GlobalReasoning, Relation
from longtake.systems.ablation import Ablation
from longtake.systems.lstnet.ablation import ABLATION
from longtake.systems.lstnet.model import Gated, LongTerm, LSTNet
from longtake.systems.lstnet.trunk import StageAttention, Trunk
from longtake.systems.protocol import Preset
from longtake.systems.teaching import Teaching
from longtake.video.flow import dis_flow, zero_flow

FlowName = Literal["dis", "zero", "liteflownet", "raft_small"]


@dataclass(frozen=True, kw_only=True)
class LSTNetPreset(Preset):
    """LSTNet, as published with `resnet50`: 76.6 M parameters beside the flow's.

    head: channels of the long-term map and of all that follows. inner, states, nodes: of the global relation; inner and
    node counts are GloRe's. gate_width: of the attentional gate. relation, short_term, gate: the rows of the paper's
    table 1. stage_attention: after the trunk's third stage. share_stem: whether objects pass through the trunk's own
    first layers. kill_lost: an object whose carried mask is empty is gone for good (AGSS-VOS). flow: dis and zero need
    no weights, the others those of the user; flow_scale: the share of the frame's size that it sees.
    """

    bank = "F+P"
    backbone: BackboneName = "resnet50"
    head: PositiveInt = 256
    inner: PositiveInt = 1024
    states: PositiveInt = 512
    nodes: PositiveInt = 256
    gate_width: PositiveInt = 128
    relation: bool = True
    short_term: bool = True
    gate: bool = True
    stage_attention: StageAttention = "se"
    share_stem: bool = True
    kill_lost: bool = False
    flow: FlowName = "dis"
    flow_scale: Annotated[float, Field(gt=0, le=1)] = 1.0

    def build(self) -> LSTNet:
        backbone = build_backbone(self.backbone, "stride32")
        widths = backbone.widths
        reasoning = GlobalReasoning(self.inner, self.states, self.nodes) if self.relation else nn.Identity()
        long_term = LongTerm(
            Relation(widths.last, self.inner, self.head, reasoning),
            Refine(widths.stride16, self.head, self.head),
            Refine(widths.stride8, self.head, self.head),
        )
        near = Trunk(_first_part(self.backbone), "none") if self.short_term and not self.share_stem else None
        own = self.head if self.short_term else 1
        same = widths.stride4 == self.head or not self.short_term
        return LSTNet(
            Trunk(backbone, self.stage_attention),
            near,
            nn.Identity() if same else nn.Conv2d(widths.stride4, self.head, kernel_size=1),
            ChannelSpatialGates(self.head) if self.short_term else None,
            long_term,
            Gated(self.head, own, self.gate_width, gate=self.gate),
            _flow(self.flow),
            flow_scale=self.flow_scale,
            kill_lost=self.kill_lost,
        )

    def tiny(self) -> "LSTNetPreset":
        backbone: BackboneName = "mobilenet_v2" if self.backbone == "mobilenet_v2" else "resnet18"
        return dataclasses.replace(self, backbone=backbone, head=16, inner=16, states=8, nodes=4, gate_width=8)

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """As the paper says, and AGSS-VOS where it says nothing: overlap, the truth for objects that were lost."""
        frozen = ("flow.*",) if self.flow in ("liteflownet", "raft_small") else ()
        return Teaching(losses={"iou": 1.0}, feedback="checked", weight_decay=4e-5, frozen=frozen)


def _first_part(name: BackboneName) -> Backbone:
    """A backbone to stride 4."""
    whole = build_backbone(name)
    return Backbone(whole.stem_conv, whole.after_stem, [whole.stages[0]], whole.widths)


def _flow(name: FlowName) -> Flow:
    if name == "liteflownet":
        return LiteFlowNet()
    if name == "raft_small":
        return RaftSmall()
    return dis_flow if name == "dis" else zero_flow
