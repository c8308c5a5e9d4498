"""The published AOT-B weight file, in this project's names: all of `ddmemory-mobilenet-v2` but its global memory.

Names and shapes are all accounted for; anything else raises.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from longtake.nn.backbone import imagenet_names
from longtake.systems.checkpoint import Card, fill
from longtake.systems.ddmemory.presets import DDMemoryPreset
from longtake.systems.official import Converted, renamed, swapped

LICENCE = "BSD-3-Clause, that of the AOT authors' repository (weights published by the AOT authors)"

LAYERS = DDMemoryPreset().layers
LAYER = {
    "norm1.": "norm_self.",
    "self_attn.linear_Q.": "self_attention.query.",
    "self_attn.linear_K.": "self_attention.key.",
    "self_attn.linear_V.": "self_attention.value.",
    "self_attn.projection.": "self_attention.projection.",
    "norm2.": "norm_memory.",
    "linear_Q.": "key.",
    "linear_V.": "value.",
    "long_term_attn.projection.": "long_term.",
    "short_term_attn.relative_emb_k.": "short_term.relative_key.",
    "short_term_attn.relative_emb_v": "short_term.relative_value",
    "short_term_attn.projection.": "short_term.projection.",
    "norm3.": "norm_forward.",
    "linear1.": "feed_forward.expand.",
    "activation.gn.": "feed_forward.norm.",
    "activation.conv.": "feed_forward.mix.",
    "linear2.": "feed_forward.reduce.",
}
NORMED = {"conv_in.": "join.", "conv_16x.": "refine16.", "conv_8x.": "refine8.", "conv_4x.": "refine4."}
DECODER = {"adapter_16x.": "skip16.", "adapter_8x.": "skip8.", "adapter_4x.": "skip4.", "conv_out.": "predict."}
DECODER |= {f"{theirs}conv.": f"{ours}conv." for theirs, ours in NORMED.items()}
DECODER |= {f"{theirs}gn.": f"{ours}norm." for theirs, ours in NORMED.items()}

PLACES = {"encoder_projector.": "projector.", "patch_wise_id_bank.": "identities."}
PLACES |= {f"encoder.{theirs}": f"backbone.{ours}" for theirs, ours in imagenet_names("mobilenet_v2").items()}
PLACES |= {f"LSTT.layers.{n}.{theirs}": f"layers.{n}.{ours}" for n in range(LAYERS) for theirs, ours in LAYER.items()}
PLACES |= {f"LSTT.decoder_norms.{n}.": f"layers.{n}.norm_out." for n in range(LAYERS)}
PLACES |= {f"decoder.{theirs}": f"decoder.{ours}" for theirs, ours in DECODER.items()}

UNUSED = re.compile(r"LSTT\.mask_token|.*\.num_batches_tracked")
"""The token stood for positions left out in an experiment; older files have it, no network reads it."""

NEW = ".global_memory."
SEED = 0


def convert_official(tensors: Mapping[str, Tensor], origin: str) -> Converted:
    """Official tensors under this project's names, every shape checked; the global memory as it begins, always alike.

    Raises CheckpointError naming every tensor that has no place here, or those that are missing or misshaped.
    """
    used = {name: tensor for name, tensor in tensors.items() if not UNUSED.fullmatch(name)}
    taken = renamed(used, lambda name: swapped(name, PLACES), "AOT-B", origin)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        system = DDMemoryPreset().build()
    new = {name: tensor for name, tensor in system.state_dict().items() if NEW in name}
    fill(system, taken | new, origin)
    note = f"the recurrent units of the global memory ({len(new)} tensors) are new and untrained"
    options = {"memory": ["reference", "local"]}  # all that AOT-B was trained with
    return Converted(taken | new, len(taken), Card("ddmemory-mobilenet-v2", options, LICENCE, note=note))
