"""The colours and marks of runs."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of runs; they stay apart for people who see few colours (Okabe and Ito)."""

MARKS = ("M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", "M-3.5-3.5h7v7h-7z", "M0-4.5l4.5,8h-9z", "M0-5l5,5l-5,5l-5-5z")
"""Points of runs in plots, as SVG paths: circle, square, triangle, diamond."""


def colour(index: int) -> str:
    """Of a run, by its place."""
    return COLOURS[index % len(COLOURS)]


def mark(index: int) -> str:
    """Of a run, by its place."""
    return MARKS[index % len(MARKS)]
