"""LiteFlowNet's names and shapes, as its PyTorch ports publish them, and where their tensors go."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from longtake.errors import CheckpointError, OutputError
from longtake.nn.liteflownet import LiteFlowNet
from longtake.nn.raft import RaftSmall
from longtake.systems.checkpoint import load_checkpoint
from longtake.systems.flow_weights import convert_liteflownet, load_flow, save_liteflownet

Tensors = dict[str, Tensor]

# name: inputs, outputs, kernels
FEATURES = {
    "One.0": (3, 32, 7, 7),
    **{f"Two.{n}": (32, 32, 3, 3) for n in (0, 2, 4)},
    "Thr.0": (32, 64, 3, 3),
    "Thr.2": (64, 64, 3, 3),
    "Fou.0": (64, 96, 3, 3),
    "Fou.2": (96, 96, 3, 3),
    "Fiv.0": (96, 128, 3, 3),
    "Six.0": (128, 192, 3, 3),
}
KERNEL = (7, 5, 5, 3, 3)
SUBPIXEL = (130, 130, 194, 258, 386)
REGULAR = (131, 131, 131, 131, 195)
BODY = (128, 128, 64, 64, 32, 32)


def convolutions() -> dict[str, tuple[int, int, int, int]]:
    found = {f"netFeatures.net{name}": of for name, of in FEATURES.items()}
    for level, kernel in enumerate(KERNEL):
        for step, inputs in (("netMatching", 49), ("netSubpixel", SUBPIXEL[level])):
            widths = (inputs, 128, 64, 32, 2)
            for n in range(4):
                side = kernel if n == 3 else 3
                found[f"{step}.{level}.netMain.{2 * n}"] = (widths[n], widths[n + 1], side, side)
            if level == 0:
                found[f"{step}.{level}.netFeat.0"] = (32, 64, 1, 1)
        step, widths, taps = f"netRegularization.{level}", (REGULAR[level], *BODY), kernel**2
        for n in range(6):
            found[f"{step}.netMain.{2 * n}"] = (widths[n], widths[n + 1], 3, 3)
        if level < 3:
            found[f"{step}.netFeat.0"] = ((32, 64, 96)[level], 128, 1, 1)
            found |= {f"{step}.netDist.0": (32, taps, kernel, 1), f"{step}.netDist.1": (taps, taps, 1, kernel)}
        else:
            found[f"{step}.netDist.0"] = (32, taps, kernel, kernel)
        found |= {f"{step}.netScaleX": (taps, 1, 1, 1), f"{step}.netScaleY": (taps, 1, 1, 1)}
    return found


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs, *kernel) in convolutions().items():
        found |= {f"{name}.weight": (outputs, inputs, *kernel), f"{name}.bias": (outputs,)}
    found |= {f"netMatching.{level}.netUpflow.weight": (2, 1, 4, 4) for level in range(4)}
    return found | {f"netMatching.{level}.netUpcorr.weight": (49, 1, 4, 4) for level in range(2)}


def older(name: str) -> str:
    return re.sub(r"\bnet(?=[A-Z])", "module", name)


PAIRS = {
    "netFeatures.netOne.0.weight": "pyramid.0.0.weight",
    "netFeatures.netSix.0.bias": "pyramid.5.0.bias",
    "netMatching.0.netFeat.0.weight": "levels.0.matching.widen.0.weight",
    "netMatching.0.netUpcorr.weight": "levels.0.matching.enlarge_correlation.weight",
    "netMatching.3.netUpflow.weight": "levels.3.matching.enlarge_flow.weight",
    "netMatching.4.netMain.6.weight": "levels.4.matching.head.6.weight",
    "netSubpixel.0.netFeat.0.bias": "levels.0.subpixel.widen.0.bias",
    "netSubpixel.2.netMain.0.weight": "levels.2.subpixel.head.0.weight",
    "netRegularization.1.netFeat.0.weight": "levels.1.regularisation.widen.0.weight",
    "netRegularization.3.netMain.10.bias": "levels.3.regularisation.body.10.bias",
    "netRegularization.2.netDist.1.weight": "levels.2.regularisation.distance.1.weight",
    "netRegularization.4.netDist.0.weight": "levels.4.regularisation.distance.0.weight",
    "netRegularization.0.netScaleX.weight": "levels.0.regularisation.scale_x.weight",
    "netRegularization.0.netScaleY.bias": "levels.0.regularisation.scale_y.bias",
}


@pytest.fixture(scope="module")
def published() -> Tensors:
    generator = torch.Generator().manual_seed(7)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes().items()}


def test_the_table_has_the_published_size(published: Tensors) -> None:
    assert sum(tensor.numel() for tensor in published.values()) == 5_381_969


@pytest.mark.parametrize("spelt", [str, older])
def test_every_tensor_fills_one_of_ours(published: Tensors, spelt: Callable[[str], str]) -> None:
    found = convert_liteflownet({spelt(name): tensor for name, tensor in published.items()}, "file.pytorch")
    assert set(found) == set(LiteFlowNet().state_dict())
    assert {id(tensor) for tensor in found.values()} == {id(tensor) for tensor in published.values()}
    for theirs, ours in PAIRS.items():
        assert found[ours] is published[theirs], theirs


def test_older_names_are_other_names() -> None:
    assert older("netFeatures.netOne.0.weight") == "moduleFeatures.moduleOne.0.weight"
    assert older("netRegularization.0.netDist.1.bias") == "moduleRegularization.0.moduleDist.1.bias"


def test_unknown_missing_and_misshaped_tensors_are_one_line_each(published: Tensors) -> None:
    extra = {"netMatching.5.netMain.0.weight": torch.zeros(1), "networks.bias": torch.zeros(1)}
    with pytest.raises(
        CheckpointError, match=r"^f: 2 tensors are not LiteFlowNet's: netMatching\.5\.\S+, networks\.bias$"
    ):
        convert_liteflownet(published | extra, "f")
    without = {name: tensor for name, tensor in published.items() if "netUpcorr" not in name}
    with pytest.raises(
        CheckpointError, match=r"^f: 2 tensors do not fit LiteFlowNet: lacks levels\.0\.matching\.enl.*$"
    ):
        convert_liteflownet(without, "f")
    with pytest.raises(CheckpointError, match=r"1 tensors do not fit LiteFlowNet: .* is \(1, 2\), not \(32, 3, 7, 7\)"):
        convert_liteflownet(published | {"netFeatures.netOne.0.weight": torch.zeros(1, 2)}, "f")


def test_convert_and_load(
    published: Tensors, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, out = tmp_path / "network-default.pytorch", tmp_path / "new" / "flow.safetensors"
    torch.save({older(name): tensor.double() for name, tensor in published.items()}, theirs)
    assert run("models", "convert", "liteflownet", theirs, "--out", out) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{len(published)} tensors converted; licence: research only")
    assert printed.endswith(f": {out}\n")
    with safe_open(out, framework="pt") as file:
        words = file.metadata()
    assert words["network"] == "liteflownet"
    assert "research only" in words["licence"]
    assert "user's affair" in words["licence"]
    assert words["note"] == "converted from network-default.pytorch"
    network = LiteFlowNet()
    load_flow(network, out)
    loaded = network.state_dict()
    assert all(torch.equal(loaded[ours], published[theirs]) for theirs, ours in PAIRS.items())
    assert {tensor.dtype for tensor in loaded.values()} == {torch.float32}
    with pytest.raises(CheckpointError, match=r"weights of liteflownet, a part of a system"):
        load_checkpoint(out)
    assert run("models", "show", out) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_bad_files_are_one_clear_line(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pickle, plain, cut = tmp_path / "a.pth", tmp_path / "b.safetensors", tmp_path / "c.safetensors"
    torch.save({"x": torch.zeros(1)}, pickle)
    save_file({"x": torch.zeros(1)}, plain)
    cut.write_bytes(plain.read_bytes()[:20])
    network = LiteFlowNet()
    before = network.state_dict()["pyramid.0.0.bias"].clone()
    for path in (pickle, plain):
        with pytest.raises(CheckpointError, match=r"not converted weights of LiteFlowNet; convert .* liteflownet$"):
            load_flow(network, path)
    with pytest.raises(CheckpointError, match="no such file; convert"):
        load_flow(network, tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="cut off"):
        load_flow(network, cut)
    save_liteflownet(plain, {"pyramid.0.0.bias": torch.ones(32)}, "")
    with pytest.raises(CheckpointError, match="tensors do not fit LiteFlowNet: lacks"):
        load_flow(network, plain)
    assert torch.equal(network.state_dict()["pyramid.0.0.bias"], before)
    with pytest.raises(OutputError, match="a folder"):
        save_liteflownet(tmp_path, {}, "")
    assert run("models", "convert", "liteflownet", pickle, "--out", tmp_path / "out.safetensors") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "1 tensors are not LiteFlowNet's: x" in lines[0]
    assert not (tmp_path / "out.safetensors").exists()


def test_raft_loads_torchvisions_own_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, network, path = RaftSmall(), RaftSmall(), tmp_path / "raft_small_C_T_V2.pth"
    torch.save(source.network.state_dict(), path)
    load_flow(network, path)
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), network.parameters(), strict=True))
    torch.save({**source.network.state_dict(), "more.bias": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"1 tensors do not fit RAFT: has unknown more\.bias"):
        load_flow(network, path)
    with pytest.raises(CheckpointError, match="no such file"):
        load_flow(network, tmp_path / "none.pth")
