"""In which precision a device multiplies matrices fastest: timed once, and remembered in the user's cache."""

import contextlib
import json
import platform
import time
from pathlib import Path

import torch

from longtake.cache import cache
from longtake.video.whole import whole

GAIN = 1.3
"""A precision is worth its loss where it is so much faster than float32."""

SIDE, TIMES = 768, 5

CANDIDATES = {"cpu": (torch.bfloat16,), "cuda": (torch.bfloat16, torch.float16)}
"""Half precisions by kind of device, the safer one first; on others float32 is used."""


def fastest(device: torch.device) -> torch.dtype:
    """The first half precision with a gain, or float32; as remembered for this machine, device and version of torch."""
    candidates = CANDIDATES.get(device.type, ())
    if not candidates:
        return torch.float32
    path, known = cache() / "precision.json", dict[str, str]()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        known = {name: str(value) for name, value in json.loads(path.read_text()).items()}
    named = {_name(dtype): dtype for dtype in (torch.float32, *candidates)}
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.node()
    key = f"{device.type} {machine} torch {torch.__version__}"
    if known.get(key) not in named:
        known[key] = _name(_measured(device, candidates))
        _remember(path, known)
    return named[known[key]]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _remember(path: Path, known: dict[str, str]) -> None:
    with contextlib.suppress(OSError):  # it is measured again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            partial.write_text(json.dumps(known, indent=1) + "\n")


def _measured(device: torch.device, candidates: tuple[torch.dtype, ...]) -> torch.dtype:
    exact = _seconds(device, torch.float32)
    return next((dtype for dtype in candidates if _seconds(device, dtype) * GAIN <= exact), torch.float32)


def _seconds(device: torch.device, dtype: torch.dtype) -> float:
    """The shortest time of a product of two square matrices; infinite where the device has none in this precision."""
    best = float("inf")
    with contextlib.suppress(RuntimeError):
        matrix = torch.ones(SIDE, SIDE, device=device, dtype=dtype)
        for turn in range(TIMES + 1):
            started = time.perf_counter()
            (matrix @ matrix)[0, 0].item()  # waits for the device
            best = min(best, time.perf_counter() - started) if turn else best
    return best
