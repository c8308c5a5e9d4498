"""scores.json files as benchmark writes them, made by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any


def thing(j: Sequence[float], f: Sequence[float], group: str = "all") -> dict[str, Any]:
    """An object of these values per frame."""
    frames = [f"{k:05d}" for k in range(1, len(j) + 1)]
    measures = {
        name: {"mean": fmean(values), "recall": fmean(v > 0.5 for v in values), "decay": 0.0, "per_frame": [*values]}
        for name, values in (("J", j), ("F", f))
    }
    return {"group": group, "frames": frames, **measures, "V": pstdev((a + b) / 2 for a, b in zip(j, f, strict=True))}


def content(objects: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A whole file."""
    return {"protocol": {"name": "davis2017", "repeats": []}, "global": {}, "objects": dict(objects), **more}


def write(folder: Path, objects: Mapping[str, Any], **more: Any) -> Path:
    """A benchmark's folder."""
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps(content(objects, **more)))
    return folder
