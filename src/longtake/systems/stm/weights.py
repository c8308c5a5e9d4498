"""The published STM weight file, in this project's names.

The official file is a pickle saved from DataParallel. Its names, shapes and the few tensors that have no counterpart
here (the ImageNet constants, batch counters) are all accounted for; anything else raises.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from longtake.systems.checkpoint import Card, fill
from longtake.systems.official import Converted, renamed, swapped
from longtake.systems.protocol import AnySystem
from longtake.systems.stm.presets import STMPreset

LICENCE = "CC BY-NC-SA 4.0 (weights published by the STM authors)"

PREFIXES = {
    "Encoder_Q.": "query_backbone.",
    "Encoder_M.conv1_m.": "memory_encoder.mask_stem.",
    "Encoder_M.conv1_o.": "memory_encoder.others_stem.",
    "Encoder_M.": "memory_encoder.backbone.",
    "KV_Q_r4.": "query_heads.",
    "KV_M_r4.": "memory_heads.",
    "Decoder.": "decoder.",
}
ENCODER = {"conv1.": "stem_conv.", "bn1.": "after_stem.0.", "res2.": "stages.0.1.", "res3.": "stages.1."}
ENCODER |= {"res4.": "stages.2."}
DECODER = {"convFM.": "join.", "ResMM.": "block16.", "RF3.": "refine8.", "RF2.": "refine4.", "pred2.": "predict."}
REFINE = {"convFS.": "skip_conv.", "ResFS.": "skip_block.", "ResMM.": "merge_block."}
HEADS = {"Key.": "key.", "Value.": "value."}
UNUSED = re.compile(r"Encoder_[MQ]\.(mean|std)|.*\.num_batches_tracked")


def convert_official(tensors: Mapping[str, Tensor], origin: str) -> Converted:
    """Official tensors under this project's names, every shape checked against `stm-resnet50`.

    Raises CheckpointError naming every tensor that has no place here, or those that are missing or misshaped.
    """
    used = {name: tensor for name, tensor in tensors.items() if not UNUSED.fullmatch(name)}
    weights = renamed(used, _rename, "STM", origin)
    system: AnySystem = STMPreset().build()
    fill(system, weights, origin)
    return Converted(weights, len(weights), Card("stm-resnet50", licence=LICENCE))


def _rename(name: str) -> str | None:
    """This project's name of an official tensor, None where it has none."""
    for theirs, ours in PREFIXES.items():
        if name.startswith(theirs):
            rest = name.removeprefix(theirs)
            if theirs.startswith("KV_"):
                return swapped(rest, HEADS, ours)
            if theirs == "Decoder.":
                return _rename_decoder(rest)
            return ours + rest if "conv1_" in theirs else swapped(rest, ENCODER, ours)
    return None


def _rename_decoder(rest: str) -> str | None:
    if rest.startswith(("RF3.", "RF2.")):
        return swapped(rest[4:], REFINE, "decoder." + DECODER[rest[:4]])
    return swapped(rest, DECODER, "decoder.")
