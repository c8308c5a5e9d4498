"""What a run came from: code, commit, package versions, machine, and every file of its data."""

import csv
import hashlib
import importlib.metadata
import io
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.accelerator import current_accelerator

import longtake

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python-headless", "pillow", "scipy", "pycocotools", "accelerate")
"""Those whose version may change a loss."""

SAMPLED = 64
"""Files of each folder of data whose bytes go into its digest; of the others name and size do."""


def code_facts() -> dict[str, Any]:
    """The package's version, a digest of its source files, and the commit where it lies in a git checkout."""
    folder = Path(longtake.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return {"version": longtake.__version__, "digest": digest.hexdigest()[:16], **_commit(folder)}


def _commit(folder: Path) -> dict[str, Any]:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if not git("ls-files", "--", "__init__.py"):
            return {}
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def version_facts() -> dict[str, str]:
    """Versions of the packages that a run computes with, those that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine_facts(processes: int) -> dict[str, Any]:
    """Where a run was begun."""
    accelerator = current_accelerator() if torch.accelerator.is_available() else None
    return {
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": str(accelerator or "none"),
        "processes": processes,
    }


def data_facts(files: Mapping[Path, Sequence[Path]]) -> list[dict[str, Any]]:
    """For each folder of data: how many files of it are used, their bytes, and a digest of names, sizes and samples."""
    facts = []
    for root, own in files.items():
        names = sorted({path.relative_to(root).as_posix() for path in own})
        sizes = [_size(root / name) for name in names]
        digest = hashlib.sha256()
        for name, size in zip(names, sizes, strict=True):
            digest.update(f"{name}\0{size}\n".encode())
        for name in names[:: max(1, len(names) // SAMPLED)]:
            digest.update(_bytes(root / name))
        facts.append({"root": str(root), "files": len(names), "bytes": sum(sizes), "digest": digest.hexdigest()[:16]})
    return facts


def weight_facts(paths: Sequence[str]) -> dict[str, str]:
    """A digest of each file of weights that a run starts from."""
    return {path: hashlib.sha256(_bytes(Path(path))).hexdigest()[:16] for path in paths}


def manifest(files: Mapping[Path, Iterable[Path]]) -> str:
    """Every file of the data with its size, as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("root", "file", "bytes"))
    for root, own in files.items():
        table.writerows((root, name, _size(root / name)) for name in sorted({str(p.relative_to(root)) for p in own}))
    return text.getvalue()


def _size(path: Path) -> int:
    """A file's bytes; -1 where it is not there, which is told when it is to be read."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What has changed since a run was begun that its losses may depend on, in words; none of the machine's facts."""
    found = []
    if before["code"]["digest"] != now["code"]["digest"]:
        found.append(f"other code ({_named(before['code'])} then, {_named(now['code'])} now)")
    versions = [
        f"{name} {before['versions'].get(name, 'missing')} then, {now['versions'].get(name, 'missing')} now"
        for name in sorted({*before["versions"], *now["versions"]})
        if before["versions"].get(name) != now["versions"].get(name)
    ]
    if versions:
        found.append(f"other packages ({', '.join(versions)})")
    roots = {facts["root"]: facts for facts in before["data"]}
    for facts in now["data"]:
        if (old := roots.get(facts["root"], {"files": 0, "digest": ""}))["digest"] != facts["digest"]:
            found.append(f"other data in {facts['root']} ({old['files']} files then, {facts['files']} now)")
    found += [
        f"other weights in {path}" for path, digest in before["weights"].items() if now["weights"].get(path) != digest
    ]
    return found


def _named(code: Mapping[str, Any]) -> str:
    commit = f", commit {code['commit'][:10]}{' with changes' if code['changed'] else ''}" if "commit" in code else ""
    return f"{code['version']} {code['digest'][:8]}{commit}"
