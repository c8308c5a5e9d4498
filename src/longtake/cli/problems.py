"""All that is wrong with many files, a line for each, before the line that ends the program."""

import contextlib
from collections.abc import Iterator

import typer

from longtake.errors import UnfitError


@contextlib.contextmanager
def every_problem() -> Iterator[None]:
    """Writes the problems of an UnfitError to stderr, and lets it pass."""
    try:
        yield
    except UnfitError as error:
        for problem in error.problems:
            typer.echo(f"longtake: {problem}", err=True)
        raise
