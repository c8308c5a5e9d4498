"""The presets of STM: which sizes and switches build which network."""

import dataclasses
from dataclasses import dataclass

from pydantic import NonNegativeInt, PositiveInt
from torch import nn

from longtake.memory.policy import Every
from longtake.nn.backbone import BackboneName, build_backbone
from longtake.systems.ablation import Ablation
from longtake.systems.protocol import Preset
from longtake.systems.stm import compact, model
from longtake.systems.stm.ablation import ABLATION
from longtake.systems.teaching import Teaching, on_small_machines


@dataclass(frozen=True, kw_only=True)
class STMPreset(Preset):
    """`stm-resnet50`: the published network, 38.9 M parameters.

    others_channel: True as in its code, False as in the paper's text. memory_maximum bounds the published rule (every
    5th frame, all kept), so that a video may have any length.
    """

    bank = "A"
    backbone: BackboneName = "resnet50"
    key: PositiveInt = 128
    value: PositiveInt = 512
    width: PositiveInt = 256
    others_channel: bool = True
    memory_interval: PositiveInt = 5
    memory_maximum: PositiveInt | None = 12
    top: PositiveInt | None = None

    def build(self) -> model.STM:
        query, memory = build_backbone(self.backbone), build_backbone(self.backbone)
        widths = query.widths
        return model.STM(
            query,
            model.MemoryEncoder(memory, self.others_channel),
            model.KeyValue(widths.stride16, self.key, self.value),
            model.KeyValue(widths.stride16, self.key, self.value),
            model.Decoder(self.value, widths.stride8, widths.stride4, self.width),
            policy=Every(self.memory_interval, self.memory_maximum),
            top=self.top,
        )

    def tiny(self) -> "STMPreset":
        return dataclasses.replace(self, backbone="resnet18", key=8, value=16, width=8)

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """As the paper says (section 3.5): cross-entropy, Adam at a constant rate (1e-5 there)."""
        return Teaching()


@dataclass(frozen=True, kw_only=True)
class CompactSTMPreset(Preset):
    """`stm-mobilenet-v2`: at most 6 M parameters, for laptops.

    memory_maximum bounds the every-5th frames that are kept beside the first and the last. given: added to the scores
    of frames whose masks a person gave, so that these are believed before predictions; 0 is STM's own reading.
    margin: positions at stride 16 about where an object may be, beyond which nothing is computed for it once the system
    is made ready to be fast; None computes every object everywhere, as is done in training.
    """

    bank = "A"
    backbone: BackboneName = "mobilenet_v2"
    context: PositiveInt = 192
    key: PositiveInt = 64
    value: PositiveInt = 192
    mask_width: PositiveInt = 24
    decoder: tuple[int, int, int] = (160, 64, 32)
    memory_interval: PositiveInt = 5
    memory_maximum: PositiveInt | None = 6
    top: PositiveInt | None = None
    given: float = 0.0
    margin: NonNegativeInt | None = 2

    def build(self) -> compact.CompactSTM:
        backbone = build_backbone(self.backbone, "stride32")
        key = nn.Conv2d(self.context, self.key, kernel_size=3, padding=1)
        nn.init.orthogonal_(key.weight)
        return compact.CompactSTM(
            backbone,
            compact.ContextNeck(backbone.widths, self.context),
            key,
            nn.Conv2d(self.context, self.value, kernel_size=3, padding=1),
            compact.MaskEncoder(backbone.widths, self.context, self.value, self.mask_width),
            compact.Decoder(backbone.widths, self.value, self.decoder),
            policy=Every(self.memory_interval, self.memory_maximum),
            top=self.top,
            given=self.given,
            margin=self.margin,
        )

    def tiny(self) -> "CompactSTMPreset":
        return dataclasses.replace(self, context=16, key=8, value=16, mask_width=4, decoder=(16, 8, 8))

    def ablation(self) -> Ablation:
        return ABLATION

    def teaching(self) -> Teaching:
        """By cross-entropy and overlap."""
        return on_small_machines(losses={"bootstrapped": 1.0, "dice": 1.0}, hardest=1.0)
