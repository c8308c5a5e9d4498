"""Systems of other packages: presets that they offer as entry points of the group `longtake.systems`.

An entry point's name is the preset's, its object the `Preset`. Nothing of a package is imported until it is asked for.
"""

import dataclasses
from importlib.metadata import EntryPoint, entry_points

from longtake.errors import SettingError
from longtake.systems.protocol import Preset

GROUP = "longtake.systems"


def offered() -> dict[str, tuple[EntryPoint, ...]]:
    """Name -> who offers a preset of this name, one of them if all is well."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return {each.name: tuple(entry for entry in found if entry.name == each.name) for each in found}


def packages(name: str) -> str:
    """The packages that offer a preset of this name, in words; empty where there is none."""
    return " and ".join(entry.dist.name if entry.dist else entry.value for entry in offered().get(name, ()))


def load(name: str) -> Preset:
    """The preset that a package offers. Raises SettingError, naming the package, where it is no system of longtake."""
    entries, who = offered()[name], packages(name)
    if len(entries) > 1:
        raise SettingError(f"preset {name}: {who} offer it, each its own; uninstall all but one")
    try:
        found = entries[0].load()
        if not (isinstance(found, Preset) and dataclasses.is_dataclass(found)):
            raise TypeError(f"{entries[0].value} is no Preset that is a dataclass")
        found.size()  # whether it can be built
    except Exception as error:  # whatever a stranger's code may raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingError(f"preset {name}: the package {who} that offers it does not work ({said})") from error
    return found
