"""Write docs/models.md from the cards of the bundled checkpoints: python tools/model_cards.py."""

from pathlib import Path

from longtake.systems.checkpoint import Card, read_card
from longtake.systems.models import BUNDLED_DEFAULT, bundled
from longtake.systems.zoo import preset

HEAD = """# The bundled models

What the card in each checkpoint says (`longtake models show NAME`). `python tools/model_cards.py` writes this page.
"""


def section(name: str, path: Path, card: Card) -> str:
    """A model's card, for people."""
    size = preset(card.preset, card.options).size() / 1e6
    default = ", the default" if name == BUNDLED_DEFAULT else ""
    data = [f"- {what}: {licence}" for what, licence in card.data.items()]
    figures = [f"- {what}: {_told(value)}" for what, value in card.figures.items()]
    parts = [
        f"## `{name}`{default}",
        f"Preset `{card.preset}`, {size:.1f} M parameters, float16, {path.stat().st_size / 1e6:.1f} MB. Licence of the "
        f"weights: {card.licence}.",
        "Data and licences:\n\n" + "\n".join(data),
        f"Training: {card.training}.",
        "Figures:\n\n" + "\n".join(figures),
        f"Limits: {card.note}." if card.note else "",
    ]
    return "\n\n".join(filter(None, parts))


def _told(value: object) -> str:
    """A figure, or several by name."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_told(each)}" for key, each in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Write the page, the default first."""
    files = sorted(bundled().items(), key=lambda each: (each[0] != BUNDLED_DEFAULT, each[0]))
    sections = [section(name, path, read_card(path)) for name, path in files]
    Path("docs/models.md").write_text("\n\n".join([HEAD.strip(), *sections]) + "\n")


if __name__ == "__main__":
    main()
