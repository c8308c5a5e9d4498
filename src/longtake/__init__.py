"""longtake follows objects through video: the masks of one frame in, the masks of every other out.

    import longtake
    longtake.segment(Path("video.mp4"), Path("first.png"), Path("result"))

Names are loaded when they are first used, so that `import longtake` loads no torch.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Frame": "longtake.types",
    "LongtakeError": "longtake.errors",
    "Masks": "longtake.types",
    "Prediction": "longtake.types",
    "Proposals": "longtake.types",
    "VideoInfo": "longtake.types",
    "VOSSystem": "longtake.systems.protocol",
    "benchmark": "longtake.evaluation.benchmark",
    "evaluate": "longtake.evaluation.evaluate",
    "load_model": "longtake.systems.models:load",
    "open_source": "longtake.video.sources",
    "parse_policy": "longtake.memory.policy",
    "preset": "longtake.systems.zoo",
    "propagate": "longtake.engine.propagate",
    "propose": "longtake.export.propose",
    "read_masks": "longtake.video.masks",
    "rules_for": "longtake.engine.step",
    "parse_span": "longtake.video.spans",
    "runtime": "longtake.engine.runtime",
    "segment": "longtake.export.segment",
    "Session": "longtake.engine.session",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'longtake' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted(__all__)
