"""Packages that offer systems, as an installer would leave them in a folder."""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

from longtake.systems.plugins import GROUP

EXAMPLE = Path(__file__).parent.parent / "examples" / "sixth_system"


def offer(folder: Path, package: str, entries: Mapping[str, str], version: str = "0.1.0") -> Path:
    """A package's metadata: name of a preset -> module:object."""
    metadata = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def install_example(folder: Path) -> Path:
    """The worked example, by its own pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    offer(folder, project["name"], project["entry-points"][GROUP], project["version"])
    for path in EXAMPLE.glob("*.py"):
        shutil.copy(path, folder)
    return folder
