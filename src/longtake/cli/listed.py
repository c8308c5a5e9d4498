"""Checkpoints and presets as lines of text that fit the terminal, however narrow; no name is cut."""

import shutil
import textwrap
from collections.abc import Sequence

from longtake.errors import SettingError
from longtake.systems.checkpoint import Card
from longtake.systems.models import bundled
from longtake.systems.zoo import package_of, preset


def wrapped(text: str, first: str = "", later: str = "") -> str:
    """Lines as long as the terminal is wide, at most 100; each begins with its words."""
    width = min(100, shutil.get_terminal_size().columns)
    return textwrap.fill(
        text,
        max(width, 24),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def told(name: str, card: Card) -> str:
    """A checkpoint: figures, licence and data."""
    numbers = [f"{key} {value:.3f}" for key, value in card.figures.items() if isinstance(value, int | float)]
    how = f" ({card.figures['protocol']})" if numbers and "protocol" in card.figures else ""
    parts = [
        name,
        wrapped(_origin(name, card), "  ", "    "),
        wrapped(f"figures: {', '.join(numbers) or 'none stated'}{how}", "  ", "    "),
        wrapped(f"licence of the weights: {card.licence}", "  ", "    "),
        wrapped("data:" if card.data else "data: not stated", "  "),
        *(wrapped(f"{data}: {licence}", "  - ", "    ") for data, licence in card.data.items()),
    ]
    return "\n".join(parts)


def _origin(name: str, card: Card) -> str:
    words = ["bundled"] if name in bundled() else []
    words.append(f"preset {card.preset}")
    try:
        words.append(f"{preset(card.preset, card.options).size() / 1e6:.1f} M parameters")
    except SettingError as error:
        words.append(str(error) if not card.package else f"of the package {card.package}, which does not work here")
    return ", ".join(words)


def left_out(name: str, obstacles: Sequence[str]) -> str:
    """A checkpoint that products may not use."""
    return "\n".join([f"left out: {name}", *(wrapped(each, "  - ", "    ") for each in obstacles)])


def told_preset(name: str) -> str:
    """A preset: its size, and its package where that is another one; or what is wrong with that."""
    package = package_of(name)
    try:
        size = f"{preset(name).size() / 1e6:.1f} M parameters"
    except SettingError as error:
        return wrapped(str(error), "  ", "    ")
    return wrapped(f"{name}: {size}{f', of the package {package}' if package else ''}", "  ", "    ")
