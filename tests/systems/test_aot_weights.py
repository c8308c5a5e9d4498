"""AOT-B's names and shapes, as its authors' model has them, and where their tensors go."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longtake.errors import CheckpointError
from longtake.systems.checkpoint import load_checkpoint
from longtake.systems.ddmemory.presets import DDMemoryPreset
from longtake.systems.ddmemory.weights import convert_official
from longtake.systems.official import read_official

Shape = tuple[int, ...]
Tensors = dict[str, Tensor]

# MobileNet-V2: how much a block widens, its outputs, how many such blocks
BLOCKS = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))

LAYER: dict[str, Shape] = {
    "linear1.weight": (1024, 256),
    "linear1.bias": (1024,),
    "activation.gn.weight": (1024,),
    "activation.gn.bias": (1024,),
    "activation.conv.weight": (1024, 1, 5, 5),
    "linear2.weight": (256, 1024),
    "linear2.bias": (256,),
    "short_term_attn.relative_emb_k.weight": (8 * 225, 32, 1, 1),
    "short_term_attn.relative_emb_k.bias": (8 * 225,),
    "short_term_attn.relative_emb_v": (8, 32, 225),
}
LINEAR = ("linear_Q", "linear_V", "long_term_attn.projection", "short_term_attn.projection")
LINEAR += tuple(f"self_attn.{name}" for name in ("linear_Q", "linear_K", "linear_V", "projection"))
LAYER |= {f"{name}.weight": (256, 256) for name in LINEAR} | {f"{name}.bias": (256,) for name in LINEAR}
LAYER |= {f"norm{number}.{part}": (256,) for number in (1, 2, 3) for part in ("weight", "bias")}

NORMED = {"conv_in": (256, 1024, 1), "conv_16x": (256, 256, 3), "conv_8x": (128, 256, 3), "conv_4x": (128, 128, 3)}
PLAIN = {
    "encoder_projector": (256, 1280, 1),
    "patch_wise_id_bank": (256, 11, 17),
    "decoder.adapter_16x": (256, 96, 1),
    "decoder.adapter_8x": (256, 32, 1),
    "decoder.adapter_4x": (128, 24, 1),
    "decoder.conv_out": (11, 128, 1),
}

PAIRS = {
    "encoder.features.0.0.weight": "backbone.stem_conv.weight",
    "encoder.features.0.1.running_var": "backbone.after_stem.0.running_var",
    "encoder.features.1.conv.1.weight": "backbone.stages.0.0.conv.1.weight",
    "encoder.features.6.conv.1.0.weight": "backbone.stages.1.2.conv.1.0.weight",
    "encoder.features.13.conv.3.bias": "backbone.stages.2.6.conv.3.bias",
    "encoder.features.18.1.running_mean": "backbone.stages.3.4.1.running_mean",
    "encoder_projector.bias": "projector.bias",
    "patch_wise_id_bank.weight": "identities.weight",
    "LSTT.layers.0.norm1.weight": "layers.0.norm_self.weight",
    "LSTT.layers.1.norm2.weight": "layers.1.norm_memory.weight",
    "LSTT.layers.2.norm3.weight": "layers.2.norm_forward.weight",
    "LSTT.decoder_norms.0.weight": "layers.0.norm_out.weight",
    "LSTT.decoder_norms.2.bias": "layers.2.norm_out.bias",
    "LSTT.layers.0.self_attn.linear_Q.weight": "layers.0.self_attention.query.weight",
    "LSTT.layers.0.self_attn.linear_K.weight": "layers.0.self_attention.key.weight",
    "LSTT.layers.0.self_attn.linear_V.weight": "layers.0.self_attention.value.weight",
    "LSTT.layers.0.self_attn.projection.weight": "layers.0.self_attention.projection.weight",
    "LSTT.layers.1.linear_Q.weight": "layers.1.key.weight",
    "LSTT.layers.1.linear_V.weight": "layers.1.value.weight",
    "LSTT.layers.1.long_term_attn.projection.weight": "layers.1.long_term.weight",
    "LSTT.layers.1.short_term_attn.projection.weight": "layers.1.short_term.projection.weight",
    "LSTT.layers.2.short_term_attn.relative_emb_k.weight": "layers.2.short_term.relative_key.weight",
    "LSTT.layers.2.short_term_attn.relative_emb_v": "layers.2.short_term.relative_value",
    "LSTT.layers.2.linear1.weight": "layers.2.feed_forward.expand.weight",
    "LSTT.layers.2.activation.gn.weight": "layers.2.feed_forward.norm.weight",
    "LSTT.layers.2.activation.conv.weight": "layers.2.feed_forward.mix.weight",
    "LSTT.layers.2.linear2.weight": "layers.2.feed_forward.reduce.weight",
    "decoder.conv_in.conv.weight": "decoder.join.conv.weight",
    "decoder.conv_in.gn.weight": "decoder.join.norm.weight",
    "decoder.conv_16x.gn.bias": "decoder.refine16.norm.bias",
    "decoder.conv_8x.conv.bias": "decoder.refine8.conv.bias",
    "decoder.conv_4x.conv.weight": "decoder.refine4.conv.weight",
    "decoder.adapter_4x.weight": "decoder.skip4.weight",
    "decoder.adapter_8x.weight": "decoder.skip8.weight",
    "decoder.adapter_16x.weight": "decoder.skip16.weight",
    "decoder.conv_out.bias": "decoder.predict.bias",
}


def batch_norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}


def convolution(name: str, outputs: int, inputs: int, kernel: int, norm: str) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), **batch_norm(norm, outputs)}


def encoder() -> dict[str, Shape]:
    shapes, inputs, number = convolution("features.0.0", 32, 3, 3, "features.0.1"), 32, 0
    for widening, outputs, count in BLOCKS:
        for _ in range(count):
            number, inner = number + 1, inputs * widening
            conv, first = f"features.{number}.conv", int(widening > 1)
            if first:
                shapes |= convolution(f"{conv}.0.0", inner, inputs, 1, f"{conv}.0.1")
            shapes |= convolution(f"{conv}.{first}.0", inner, 1, 3, f"{conv}.{first}.1")
            shapes |= convolution(f"{conv}.{first + 1}", outputs, inner, 1, f"{conv}.{first + 2}")
            inputs = outputs
    return shapes | convolution("features.18.0", 1280, 320, 1, "features.18.1")


def shapes() -> dict[str, Shape]:
    """Every tensor of AOT-B, the token of older files included."""
    all_shapes: dict[str, Shape] = {f"encoder.{name}": shape for name, shape in encoder().items()}
    for name, (outputs, inputs, kernel) in (
        PLAIN | {f"decoder.{name}.conv": of for name, of in NORMED.items()}
    ).items():
        all_shapes |= {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
    for name, (outputs, _, _) in NORMED.items():
        all_shapes |= {f"decoder.{name}.gn.weight": (outputs,), f"decoder.{name}.gn.bias": (outputs,)}
    for number in range(3):
        all_shapes |= {f"LSTT.layers.{number}.{name}": shape for name, shape in LAYER.items()}
        all_shapes |= {f"LSTT.decoder_norms.{number}.{part}": (256,) for part in ("weight", "bias")}
    return all_shapes | {"LSTT.mask_token": (1, 1, 256)}


@pytest.fixture(scope="module")
def published() -> Tensors:
    generator = torch.Generator().manual_seed(7)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes().items()}


def test_the_table_has_the_published_size(published: Tensors) -> None:
    learned = [tensor.numel() for name, tensor in published.items() if "running_" not in name]
    assert round(sum(learned) / 1e6, 1) == 8.3


def test_every_tensor_comes_from_one_of_theirs(published: Tensors) -> None:
    found = convert_official(published, "file.pth")
    theirs = {tensor.numpy().tobytes(): name for name, tensor in published.items()}
    assert len(theirs) == len(published)
    own = {name: tensor for name, tensor in found.weights.items() if ".global_memory." not in name}
    sources = {theirs[tensor.numpy().tobytes()]: name for name, tensor in own.items()}
    assert set(sources) == set(published) - {"LSTT.mask_token"}
    assert len(sources) == len(own) == found.taken
    assert {name: sources[name] for name in PAIRS} == PAIRS
    wanted = {name for name in DDMemoryPreset().build().state_dict() if not name.endswith("num_batches_tracked")}
    assert set(found.weights) == wanted


def test_the_global_memory_always_begins_alike(published: Tensors) -> None:
    before = torch.get_rng_state()
    first = convert_official(published, "file.pth").weights
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    second = convert_official(published, "file.pth").weights
    new = [name for name in first if ".global_memory." in name]
    assert len(new) == 3 * 4
    assert all(torch.equal(first[name], second[name]) for name in new)


@pytest.mark.parametrize("more", [{}, {"encoder.features.0.1.num_batches_tracked": torch.tensor(3)}])
def test_the_token_of_older_files_is_optional(published: Tensors, more: Tensors) -> None:
    without = {name: tensor for name, tensor in published.items() if name != "LSTT.mask_token"}
    assert convert_official(without | more, "file.pth").taken == len(published) - 1


def test_every_unmapped_name_is_reported(published: Tensors) -> None:
    extra = {"LSTT.layers.3.norm1.weight": torch.zeros(256), "LSTT.layers.0.linear_QV.weight": torch.zeros(512, 256)}
    with pytest.raises(CheckpointError, match=r"2 tensors are not AOT-B's: .*layers\.3\.norm1.*linear_QV\.weight"):
        convert_official(published | extra, "file.pth")


def test_missing_tensors_are_reported(published: Tensors) -> None:
    without = {name: tensor for name, tensor in published.items() if not name.startswith("LSTT.layers.2.linear_V")}
    with pytest.raises(CheckpointError, match=r"lacks layers\.2\.value\.weight; lacks layers\.2\.value\.bias"):
        convert_official(without, "file.pth")


@pytest.mark.parametrize("name", ["encoder_projector.weight", "patch_wise_id_bank.weight"])
def test_misshaped_tensors_are_reported(published: Tensors, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"1 tensors do not fit .* is \(1, 2\), not \(256"):
        convert_official(published | {name: torch.zeros(1, 2)}, "file.pth")


@pytest.mark.parametrize("start", ["", "module."])
@pytest.mark.parametrize("inside", [False, True])
def test_a_training_state_of_several_processes_is_understood(tmp_path: Path, start: str, inside: bool) -> None:
    tensors, path = {"a.weight": torch.zeros(2), "b.module.bias": torch.ones(1)}, tmp_path / "save_step_100.pth"
    stored = {start + name: tensor for name, tensor in tensors.items()}
    torch.save(
        {"state_dict": stored, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}} if inside else stored, path
    )
    read = read_official(path)
    assert list(read) == list(tensors)
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("held", [{"state_dict": {"step": 3}}, {0: torch.zeros(1)}, [torch.zeros(1)]])
def test_a_file_of_other_things_is_refused(tmp_path: Path, held: object) -> None:
    torch.save(held, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no state dict"):
        read_official(tmp_path / "other.pth")


def test_convert_and_show(
    published: Tensors, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, out = tmp_path / "AOTB.pth", tmp_path / "aot.safetensors"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in published.items()}}, theirs)
    assert run("models", "convert", "aot-official", theirs, "--out", out) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{len(published) - 1} tensors converted; the recurrent units")
    assert "new and untrained" in printed
    assert printed.endswith(f": {out}\n")
    assert run("models", "show", out) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "preset: ddmemory-mobilenet-v2" in shown
    assert "BSD-3-Clause" in shown
    assert "converted from AOTB.pth" in shown
    assert "global memory (12 tensors) are new and untrained" in shown
    system, _ = load_checkpoint(out)
    assert torch.equal(system.state_dict()["identities.weight"], published["patch_wise_id_bank.weight"])
