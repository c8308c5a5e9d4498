"""All presets by name: the five systems', and those that other packages offer."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from longtake.errors import SettingError
from longtake.systems import plugins
from longtake.systems.ddmemory.presets import DDMemoryPreset
from longtake.systems.dmn_aoa.presets import DMNAOAPreset
from longtake.systems.dtmnet.presets import DTMNetPreset
from longtake.systems.lstnet.presets import LSTNetPreset
from longtake.systems.protocol import Preset
from longtake.systems.stm.presets import CompactSTMPreset, STMPreset

ZOO: dict[str, Preset] = {
    "stm-mobilenet-v2": CompactSTMPreset(),
    "stm-resnet50": STMPreset(),
    "ddmemory-mobilenet-v2": DDMemoryPreset(),
    "ddmemory-resnet18": DDMemoryPreset(backbone="resnet18"),
    "ddmemory-resnet50": DDMemoryPreset(backbone="resnet50"),
    "ddmemory-resnet101": DDMemoryPreset(backbone="resnet101"),
    "dtmnet-mobilenet-v2": DTMNetPreset(
        backbone="mobilenet_v2",
        features=256,
        edge_width=64,
        decoder_widths=(160, 64),
        pool="masked_mean",
        mask_channel=True,
    ),
    "dtmnet-resnet101": DTMNetPreset(),
    "lstnet-mobilenet-v2": LSTNetPreset(
        backbone="mobilenet_v2", head=64, inner=256, states=128, nodes=64, gate_width=32
    ),
    "lstnet-resnet50": LSTNetPreset(),
    "dmn-aoa-mobilenet-v2": DMNAOAPreset(
        backbone="mobilenet_v2",
        base=(32, 64, 128),
        features=128,
        projected=64,
        refine_widths=(128, 96, 64),
        groups=8,
        iou_weight=0.3,
    ),
    "dmn-aoa-resnet50": DMNAOAPreset(),
    "dmn-aoa-resnet101": DMNAOAPreset(backbone="resnet101"),
}


def names() -> tuple[str, ...]:
    """Names of all presets, those of other packages last; one that is named like one of these is not used."""
    return (*ZOO, *(name for name in plugins.offered() if name not in ZOO))


def shadowed() -> tuple[str, ...]:
    """Names of presets that other packages offer and that are not used, because they are taken here."""
    return tuple(name for name in plugins.offered() if name in ZOO)


def package_of(name: str) -> str:
    """The package that a preset comes with; empty for one of these, or of nobody's."""
    return "" if name in ZOO else plugins.packages(name)


def preset(name: str, options: Mapping[str, Any] | None = None) -> Preset:
    """A preset by name, with some of its fields set. Raises SettingError naming what is not known or not allowed."""
    known = names()
    if name not in known:
        raise SettingError(f"no preset {name}; there are: {', '.join(known)}")
    base = ZOO[name] if name in ZOO else plugins.load(name)
    fields = [field.name for field in dataclasses.fields(cast(Any, base))]
    for key in options or {}:
        if key not in fields:
            raise SettingError(f"preset {name} has no {key}; it has: {', '.join(fields)}")
    values = {key: getattr(base, key) for key in fields} | dict(options or {})
    try:
        return TypeAdapter(type(base)).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        told = (*map(str, first["loc"]), first["msg"].removeprefix("Value error, "))
        raise SettingError(f"preset {name}: {': '.join(told)}") from error
