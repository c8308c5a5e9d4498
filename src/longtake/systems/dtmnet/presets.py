"""The presets of DTMNet: which sizes and switches build which network."""

import dataclasses
from dataclasses import dataclass

from pydantic import PositiveInt
from torch import nn

from longtake.nn.backbone import BackboneName, build_backbone
from longtake.nn.graph import EdgeKind, EdgeWeights, Support
from longtake.nn.recurrent import Pool
from longtake.systems.ablation import Ablation
from longtake.systems.dtmnet.ablation import ABLATION
from longtake.systems.dtmnet.decoder import Decoder
from longtake.systems.dtmnet.long_term import LongTerm
from longtake.systems.dtmnet.model import DTMNet
from longtake.systems.dtmnet.short_term import ShortTerm
from longtake.systems.protocol import Preset
from longtake.systems.teaching import Schedule, Teaching


@dataclass(frozen=True, kw_only=True)
class DTMNetPreset(Preset):
    """DTMNet, as published with `resnet101`: 69.5 M parameters.

    features: d, the width of what both memories work on; None is the backbone's own (2048). edge_width: r of
    equation 1. decoder_widths: at stride 16, and of what follows. graph_frames: k. Windows are height and width at
    stride 16. short_term, long_term and edges "uniform" are rows of the paper's table 4; mask_channel smooths the last
    masks along the graph too. pool: over the map as in equation 7, or over the mask. coarse_loss: the auxiliary loss
    "coarse" of a prediction at stride 16 (A-GAME).
    """

    bank = "C"
    backbone: BackboneName = "resnet101"
    features: PositiveInt | None = None
    edge_width: PositiveInt = 256
    decoder_widths: tuple[PositiveInt, PositiveInt] = (512, 128)
    short_term: bool = True
    long_term: bool = True
    graph_frames: PositiveInt = 3
    spatial_window: tuple[PositiveInt, PositiveInt] = (3, 3)
    temporal_window: tuple[PositiveInt, PositiveInt] = (3, 3)
    temporal_edges: Support = "both"
    edges: EdgeKind = "learned"
    edge_scale: bool = True
    mask_channel: bool = False
    pool: Pool = "mean"
    skip_empty: bool = True
    coarse_loss: bool = False

    def __post_init__(self) -> None:
        for name, window in (("spatial_window", self.spatial_window), ("temporal_window", self.temporal_window)):
            if not all(side % 2 for side in window):
                raise ValueError(f"{name} {list(window)} has no middle; make both sides odd")
        if self.mask_channel and not (self.short_term and self.temporal_edges != "next"):
            raise ValueError(
                "mask_channel needs edges to the frame before: short_term, and other temporal_edges than next"
            )

    def build(self) -> DTMNet:
        backbone = build_backbone(self.backbone, "dilated")
        last, (width, narrow) = backbone.widths.last, self.decoder_widths
        features = self.features or last
        return DTMNet(
            backbone,
            nn.Conv2d(last, features, kernel_size=1) if self.features else nn.Identity(),
            self._short_term(features) if self.short_term else None,
            LongTerm(features, self.pool, skip_empty=self.skip_empty) if self.long_term else None,
            Decoder(features, 3 if self.mask_channel else 2, backbone.widths, width, narrow),
            mask_channel=self.mask_channel,
            coarse_head=nn.Conv2d(narrow, 2, kernel_size=1) if self.coarse_loss else None,
        )

    def _short_term(self, features: int) -> ShortTerm:
        edges = EdgeWeights(features, self.edge_width, self.edges, self.temporal_edges, scaled=self.edge_scale)
        windows = {"spatial": self.spatial_window, "temporal": self.temporal_window}
        return ShortTerm(features, edges, frames=self.graph_frames, **windows)

    def tiny(self) -> "DTMNetPreset":
        backbone: BackboneName = "mobilenet_v2" if self.backbone == "mobilenet_v2" else "resnet18"
        features = 16 if self.features else None
        return dataclasses.replace(self, backbone=backbone, features=features, edge_width=8, decoder_widths=(16, 8))

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """As the paper says, and A-GAME where it says nothing: of the backbone only the last stage learns.

        MobileNet-V2, whose stages are small, learns from the second on, and by overlap too.
        """
        compact = self.backbone == "mobilenet_v2"
        outputs = {"classifier": self.short_term, "coarse": self.coarse_loss}
        resting = (f"backbone.stages.{stage}.*" for stage in range(1 if compact else 3))
        return Teaching(
            losses={"cross_entropy": 1.0, "dice": 1.0} if compact else {"cross_entropy": 1.0},
            auxiliary={name: 1.0 for name, there in outputs.items() if there},
            schedule=Schedule(kind="exponential", factor=0.95, every=1000),
            weight_decay=1e-5,
            frozen=("backbone.stem_conv.*", "backbone.after_stem.*", *resting),
        )
