"""Recipes from YAML and from settings, checked, with what preset and recipe leave unsaid filled in."""

import difflib
import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from longtake.errors import SettingError
from longtake.systems.checkpoint import read_card
from longtake.systems.models import find
from longtake.systems.teaching import Group, Schedule, Strict, Teaching
from longtake.systems.zoo import preset
from longtake.training.recipe import Augmentation, ClipShape, Recipe, Sources, Stage, Validation

RECIPES = importlib.resources.files("longtake.training") / "recipes"

KINDS = {"-paper": "as published", "-compact": "for small machines", "": "others"}
"""Ending of a recipe's name -> what such recipes are."""


def recipe_names() -> dict[str, str]:
    """The recipes that ship with longtake, kind by kind, and what each says of itself in its first line."""
    texts = {e.name.removesuffix(".yaml"): e.read_text() for e in RECIPES.iterdir() if e.name.endswith(".yaml")}
    order = list(KINDS.values())
    names = sorted(texts, key=lambda name: (order.index(kind_of(name)), name))
    return {name: texts[name].splitlines()[0].lstrip("# ") for name in names}


def kind_of(name: str) -> str:
    """What a recipe of this name is, one of KINDS."""
    return next(kind for ending, kind in KINDS.items() if name.endswith(ending))


def load_recipe(name: str, settings: Mapping[str, Any], stages: str = "both") -> Recipe:
    """A shipped recipe or a YAML file, with dotted settings on top and one or both of its stages.

    Raises SettingError naming the recipe and the setting that is wrong.
    """
    try:
        values = _read(name)
        named = [stage["name"] for stage in values["stages"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise SettingError(f"recipe {name}: not a YAML file with named stages ({type(error).__name__})") from error
    if stages not in ("both", *named):
        raise SettingError(f"recipe {name}: no stage named {stages}; use {', '.join(named)}, or both for all")
    for key, value in settings.items():
        set_dotted(values, key, value)
    return parse_recipe(values, name, stages)


def _read(name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a recipe says, laid over what its base says; no two of its places are one. above: whose base it is."""
    file = RECIPES / f"{name}.yaml" if name in recipe_names() else Path(name)
    if not file.is_file():
        raise SettingError(f"no recipe {name}; there are: {', '.join(recipe_names())}, or give a YAML file")
    if name in above:
        raise SettingError(f"recipe {name}: it is its own base ({' on '.join((*above, name))})")
    own = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8"))))  # aliases become copies
    base = own.pop("base", None)
    if base is None:
        return dict(own)
    values = _read(str(base), (*above, name))
    for key, value in own.items():
        set_dotted(values, key, value)
    return values


def parse_recipe(values: Mapping[str, Any], name: str, stages: str = "both") -> Recipe:
    """A checked recipe, each stage with all that it teaches by: the preset's, the recipe's and its own, in this order.

    Raises SettingError naming the setting that is wrong.
    """
    try:
        values = _begun(dict(values), name)
        taught = preset(values["model"], values.get("options")).teaching().model_dump()
        common, chosen = values.pop("teaching", {}), []
        for stage in values["stages"]:
            if stages in ("both", stage["name"]):
                chosen.append({**stage, "teaching": {**taught, **common, **stage.get("teaching", {})}})
        return Recipe.model_validate(values | {"stages": chosen})
    except ValidationError as error:
        raise SettingError(f"recipe {name}: {_told(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingError(f"recipe {name}: not a recipe ({type(error).__name__}: {error})") from error


def _begun(values: dict[str, Any], name: str) -> dict[str, Any]:
    """A recipe that names no model takes that of its start, a bundled model or a checkpoint, with its options."""
    if "model" in values or values.get("start") is None:
        return values
    try:
        path = find(str(values["start"]))
    except SettingError as error:
        raise SettingError(f"recipe {name}: start: {str(error).removeprefix('--model ')}") from error
    card = read_card(path)
    return values | {"start": str(path), "model": card.preset, "options": {**card.options, **values.get("options", {})}}


PARTS: Mapping[str, type[Strict]] = {
    "stages": Stage,
    "shapes": ClipShape,
    "augmentation": Augmentation,
    "sources": Sources,
    "validation": Validation,
    "teaching": Teaching,
    "groups": Group,
    "schedule": Schedule,
}
"""Setting -> what it holds."""


def _told(error: ValidationError) -> str:
    """The first fault of a recipe, with the name that was probably meant where it is a misspelt one."""
    faults = error.errors()
    # of a setting that may be one thing or another, the last is told: the one that people write out
    fault = [other for other in faults if other["loc"][:-1] == faults[0]["loc"][:-1]][-1]
    where = [part for part in fault["loc"] if isinstance(part, int) or part.isidentifier()]
    place = ".".join(map(str, where))
    if fault["type"] != "extra_forbidden":
        return f"{place}: {fault['msg']}".removeprefix(": ")
    holder = next((PARTS[str(part)] for part in reversed(where[:-1]) if part in PARTS), Recipe)
    close = difflib.get_close_matches(str(where[-1]), holder.model_fields, 1)
    return f"{place}: no such setting" + (f"; did you mean {close[0]}?" if close else "")


def set_dotted(values: dict[str, Any], key: str, value: Any) -> None:
    """Set `a.0.b` in nested dictionaries and lists. Raises SettingError where the path does not exist."""
    *path, last = key.split(".")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise SettingError(f"--set {key}: the recipe has no such place") from error
