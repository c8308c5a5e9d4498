"""All that is wrong with many files, a line for each, before the line that ends the program."""

import contextlib
from collections.abc import Iterator

import typer

from longtake.errors import InputError, UnfitError


@contextlib.contextmanager
def every_problem() -> Iterator[None]:
    """Writes the problems of an UnfitError to stderr, and raises a line that counts them."""
    try:
        yield
    except UnfitError as error:
        for problem in error.problems:
            typer.echo(f"longtake: {problem}", err=True)
        count = "1 problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        raise InputError(f"{count}, so nothing was {error.done}") from error
