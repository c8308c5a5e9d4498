"""A state as a file: its tensors by safetensors, what holds them as JSON beside them; reading it runs nothing.

A tensor that is held in several places is stored once, and every one comes back as it lay in memory: the order of its
axes decides in which order a convolution adds, so a state whose order is lost does not continue bit for bit.
"""

import dataclasses
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from longtake.errors import SettingError
from longtake.video.sinks import output
from longtake.video.whole import whole

KEY = "longtake saved"


def save_value(path: Path, value: Any, facts: Mapping[str, str]) -> None:
    """Write frozen dataclasses, tuples, tensors and plain values, whole or not at all. Raises OutputError.

    facts: words about it, which `read_facts` gives without the rest.
    """
    tensors = dict[tuple[Any, ...], tuple[str, Tensor]]()
    words = json.dumps(_encoded(value, tensors))
    with output(path), whole(path) as partial:
        save_file(dict(tensors.values()), partial, metadata={**facts, KEY: words})


def read_facts(path: Path) -> dict[str, str]:
    """The words of a file that `save_value` wrote. Raises SettingError where it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = dict(file.metadata() or {})
        del facts[KEY]
    except (OSError, SafetensorError, KeyError) as error:
        raise SettingError(f"{path}: not a saved state ({error})") from error
    return facts


def load_value(path: Path, device: torch.device, home: str = "longtake") -> Any:
    """What `save_value` wrote, its tensors on the device. Raises SettingError where the file is none, or damaged.

    home: the package whose dataclasses it may hold, beside longtake's.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            words = (file.metadata() or {})[KEY]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _decoded(json.loads(words), tensors, ("longtake", home))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, ImportError, AttributeError) as error:
        raise SettingError(f"{path}: not a saved state of this longtake ({error})") from error


def _encoded(value: Any, tensors: dict[tuple[Any, ...], tuple[str, Tensor]]) -> Any:
    if isinstance(value, Tensor):
        return _stored(value, tensors)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return {"tuple": [_encoded(item, tensors) for item in value]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _encoded(getattr(value, f.name), tensors) for f in dataclasses.fields(value) if f.init}
        return {"of": f"{type(value).__module__}:{type(value).__qualname__}", "fields": fields}
    raise TypeError(f"a {type(value).__name__} cannot be saved")


def _stored(tensor: Tensor, tensors: dict[tuple[Any, ...], tuple[str, Tensor]]) -> dict[str, Any]:
    strides = tensor.stride()
    order = sorted(range(tensor.ndim), key=lambda axis: -strides[axis])
    place = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), strides)
    if place not in tensors:
        dense = tensor.detach().permute(order).contiguous()
        part = dense.untyped_storage().nbytes() != dense.nbytes
        tensors[place] = (str(len(tensors)), dense.clone() if part else dense)
    return {"tensor": tensors[place][0], "order": order}


def _decoded(words: Any, tensors: Mapping[str, Tensor], homes: tuple[str, str]) -> Any:
    if not isinstance(words, dict):
        return words
    if "tensor" in words:
        order = words["order"]
        return tensors[words["tensor"]].permute([order.index(axis) for axis in range(len(order))])
    if "tuple" in words:
        return tuple(_decoded(item, tensors, homes) for item in words["tuple"])
    module, _, name = words["of"].partition(":")
    if module.partition(".")[0] not in homes:
        raise ValueError(f"it holds a {words['of']}")
    kind = getattr(importlib.import_module(module), name)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise ValueError(f"it holds a {words['of']}")
    return kind(**{key: _decoded(item, tensors, homes) for key, item in words["fields"].items()})
