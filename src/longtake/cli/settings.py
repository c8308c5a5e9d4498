"""`--set key=value` as people type it: values are YAML, so 5, 0.1, true and [1, 2] mean what they look like."""

from collections.abc import Sequence
from typing import Any

import yaml

from longtake.errors import SettingError


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Keys and values. Raises SettingError where a pair has no `=` or its value is no YAML."""
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise SettingError(f"--set {pair}: write it as KEY=VALUE")
        try:
            settings[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SettingError(f"--set {pair}: {text} is no number, word or list") from error
    return settings


def model_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """The settings of a model's preset. Raises SettingError on any key that does not begin with `model.`."""
    settings = parse_settings(pairs)
    for key in settings:
        if not key.startswith("model."):
            raise SettingError(f"--set {key}: settings of a model begin with model., as in model.{key}=...")
    return {key.removeprefix("model."): value for key, value in settings.items()}
