"""What a checkpoint's card says about its use: whether products may, and whether its licence was told already."""

import contextlib
import hashlib
from pathlib import Path

from longtake.cache import cache
from longtake.systems.checkpoint import Card

FRIENDLY = (
    "apache-2.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc0",
    "cc0-1.0",
    "cdla-permissive-2.0",
    "isc",
    "mit",
    "public-domain",
)
"""Licences that let products use a work, in small letters with hyphens; some ask that its authors be named."""


def friendly(licence: str) -> bool:
    """Whether a licence is one of these and nothing else is said; "as longtake" may be said."""
    return "-".join(licence.lower().removesuffix(", as longtake").split()) in FRIENDLY


def obstacles(card: Card) -> list[str]:
    """Why products may not use a checkpoint, in words; none where weights and all data are under friendly licences.

    What a card does not say, and what is said in other words, counts as an obstacle. No legal advice.
    """
    found = [f"{name}: {licence}" for name, licence in card.data.items() if not friendly(licence)]
    if not card.data:
        found.append("its card names no data")
    if not friendly(card.licence):
        found.insert(0, f"the weights: {card.licence}")
    return found


def first_told(path: Path) -> bool:
    """Whether the licence of this very file was never told on this machine; from now on it was."""
    with path.open("rb") as file:
        mark = cache() / "licences" / hashlib.file_digest(file, "sha256").hexdigest()
    if mark.exists():
        return False
    with contextlib.suppress(OSError):  # where nothing can be kept, it is told again
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return True
