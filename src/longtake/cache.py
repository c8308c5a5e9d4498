"""Where longtake keeps what it can make anew."""

import os
from pathlib import Path


def cache() -> Path:
    """The user's folder for it: longtake in XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longtake"
