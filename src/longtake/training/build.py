"""The system of a recipe, with the weights that it starts from."""

from pathlib import Path

import torch
from torch import Tensor

from longtake.errors import CheckpointError, SettingError
from longtake.nn.backbone import Backbone, load_imagenet
from longtake.nn.liteflownet import LiteFlowNet
from longtake.nn.raft import RaftSmall
from longtake.systems.checkpoint import fill, read_weights
from longtake.systems.flow_weights import load_flow
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import preset
from longtake.training.recipe import Recipe


def build_system(recipe: Recipe, weights: bool = True) -> AnySystem:
    """The recipe's system; random weights follow from its seed. weights: whether those that it names are loaded."""
    chosen = preset(recipe.model, recipe.options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        system = chosen.build()
    if recipe.backbone is not None and weights:
        read = read_backbone(Path(recipe.backbone))
        found = [module for module in system.modules() if isinstance(module, Backbone)]
        try:
            for module in found:
                load_imagenet(module, chosen.backbone, read)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(f"{recipe.backbone}: not weights for this backbone: {error}") from error
    if recipe.start is not None and weights:
        fill(system, read_weights(Path(recipe.start)), recipe.start)
    if weights:
        _fill_flow(system, recipe)
    return system


def _fill_flow(system: AnySystem, recipe: Recipe) -> None:
    """Weights of the flow network, which is not trained. Raises SettingError where there are none, or no network."""
    networks = [module for module in system.modules() if isinstance(module, LiteFlowNet | RaftSmall)]
    if recipe.flow is not None and not networks:
        raise SettingError("flow: the model has no flow network; set options.flow to liteflownet or raft_small")
    if recipe.flow is None and recipe.start is None and networks:
        raise SettingError(
            "flow: the flow network rests, so it needs weights; set flow to a file, or options.flow to dis"
        )
    for network in networks if recipe.flow is not None else ():
        load_flow(network, Path(recipe.flow or ""))


def read_backbone(path: Path) -> dict[str, Tensor]:
    """A torchvision state dict from .safetensors or from a pickle in weights-only mode. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; give ImageNet weights in torchvision's names")
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: not a state dict that loads in weights-only mode ({error})") from error
    return loaded
