"""The installation: packages, extras, codecs, the device, whether the bundled models run, and how fast.

Nothing that may be broken is imported before it has been tried.
"""

import importlib
import os
import platform
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import longtake
from longtake.doctor.report import Report

MODULES = {"pillow": "PIL", "opencv-python-headless": "cv2", "pyyaml": "yaml"}
"""Package -> module, where they are not named alike."""

FOR_DEVELOPERS = ("dev", "docs")

SIZE = (480, 854)
"""Height and width of the frames that are timed."""

TIMED = 3


def examine_installation() -> Report:
    """Whether what longtake stands on works together."""
    report = Report("this installation", f"longtake {longtake.__version__} in {Path(longtake.__file__).parent}")
    report.facts |= {"python": platform.python_version(), "platform": platform.platform()}
    try:
        needed, extras = requirements(metadata.requires("longtake") or ())
    except metadata.PackageNotFoundError:
        report.problems.append("longtake is not installed, only found; install it with: pip install longtake")
        return report
    for package in needed:
        if problem := _broken(package):
            report.problems.append(problem)
        else:
            report.facts[package] = metadata.version(package)
    for extra, packages in extras.items():
        missing = [package for package in packages if _version(package) is None]
        advice = f"without {', '.join(missing)}; get it with: pip install 'longtake[{extra}]'"
        report.facts[f"extra [{extra}]"] = advice if missing else "installed"
    if not report.problems:
        _examine_parts(report)
    return report


def requirements(lines: Sequence[str]) -> tuple[list[str], Mapping[str, list[str]]]:
    """The packages that are needed always, and those of each extra that is not for developers, by name."""
    needed, extras = list[str](), dict[str, list[str]]()
    for line in lines:
        name, extra = re.split(r"[^\w.-]", line, maxsplit=1)[0], re.search(r"extra == ['\"](.+?)['\"]", line)
        if extra is None:
            needed.append(name)
        elif extra[1] not in FOR_DEVELOPERS:
            extras.setdefault(extra[1], []).append(name)
    return needed, extras


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _broken(package: str) -> str | None:
    """Why a package that is needed cannot be used."""
    if _version(package) is None:
        return f"{package} is missing; get it with: pip install --upgrade longtake"
    try:
        importlib.import_module(MODULES.get(package, package).replace("-", "_"))
    except Exception as error:  # whatever a broken package raises
        first = str(error).strip().partition("\n")[0]
        together = "torch torchvision" if package.startswith("torch") else package
        return (
            f"{package} {_version(package)} does not work: {first}; install it anew: "
            f"pip install --force-reinstall {together}"
        )
    return None


def _examine_parts(report: Report) -> None:
    """What packages that work can do here."""
    import av
    import torch
    from PIL import features

    from longtake.engine.runtime import runtime
    from longtake.systems.models import DEFAULT, bundled

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
    if not report.problems:
        busy = " (machine busy)" if is_busy() else ""  # before it is made so
        taken = seconds_per_frame(DEFAULT)
        report.facts["speed"] = f"{taken:.2f} s per frame of 480p, one object, bundled model{busy}"


def is_busy() -> bool:
    """Whether more waits for the processors than they can do, where the system tells."""
    try:
        return os.getloadavg()[0] > (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return False


def _trial(name: str) -> str | None:
    """What goes wrong with a bundled model on two small frames."""
    import numpy as np

    from longtake.engine.session import Session
    from longtake.errors import LongtakeError
    from longtake.systems.models import load

    try:
        session = Session(load(name)[0])
        image = np.zeros((64, 96, 3), np.uint8)
        image[16:48, 24:56] = 200
        session.push(image, (image[..., 0] > 0).astype(np.uint16))
        finite = np.isfinite(session.push(image).probabilities).all()
    except (LongtakeError, RuntimeError) as error:
        return str(error)
    return None if finite else "its probabilities are not finite"


def seconds_per_frame(model: str) -> float:
    """Seconds that a model takes for one object in a frame of 480p: the median of three, after two to warm up."""
    import numpy as np

    from longtake.engine.runtime import runtime
    from longtake.engine.session import Session
    from longtake.systems.models import load

    run = runtime()
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    mask = np.zeros(SIZE, np.uint16)
    mask[160:320, 300:500] = 1
    session = Session(run.ready(load(model)[0]), run=run, keep=0)
    session.push(image, mask)
    session.push(image)
    spent = []
    for _ in range(TIMED):
        start = time.perf_counter()
        session.push(image)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)
