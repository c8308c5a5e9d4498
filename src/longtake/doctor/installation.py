"""The installation: versions, extras, codecs, the device, and whether the bundled models run."""

import importlib.util
import platform

import av
import cv2
import numpy as np
import PIL
import torch
import torchvision
from PIL import features

import longtake
from longtake.doctor.report import Report
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.errors import LongtakeError
from longtake.systems.models import bundled, load

EXTRAS = {"train": ("accelerate",)}
"""Extra -> the packages that it brings."""


def examine_installation() -> Report:
    """Whether what longtake stands on works together."""
    report = Report("this installation", f"longtake {longtake.__version__}")
    report.facts |= {"python": platform.python_version(), "platform": platform.platform()}
    report.facts |= {"torch": torch.__version__, "torchvision": torchvision.__version__, "numpy": np.__version__}
    report.facts |= {"pillow": PIL.__version__, "av": av.__version__, "opencv": cv2.__version__}
    for extra, packages in EXTRAS.items():
        lacking = [name for name in packages if importlib.util.find_spec(name) is None]
        report.facts[f"extra [{extra}]"] = f"get it with: pip install 'longtake[{extra}]'" if lacking else "installed"
    run = runtime()
    report.facts["device"] = f"{run.device}, {str(run.dtype).removeprefix('torch.')}, {torch.get_num_threads()} threads"
    if "libx264" not in av.codecs_available:
        report.problems.append("av comes without libx264: no overlay videos; install av from the package index")
    if not features.check("webp"):
        report.notes.append("pillow reads no WebP here")
    for name in bundled():
        if problem := _trial(name):
            report.problems.append(f"the bundled model {name} does not run: {problem}")
        else:
            report.facts[f"model {name}"] = "runs"
    return report


def _trial(name: str) -> str | None:
    """What goes wrong with a bundled model on two small frames."""
    try:
        system, _ = load(name)
        session = Session(system)
        image = np.zeros((64, 96, 3), np.uint8)
        image[16:48, 24:56] = 200
        session.push(image, (image[..., 0] > 0).astype(np.uint16))
        finite = np.isfinite(session.push(image).probabilities).all()
    except (LongtakeError, RuntimeError) as error:
        return str(error)
    return None if finite else "its probabilities are not finite"
