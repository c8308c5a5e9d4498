"""The program `longtake`: a table of commands, and one line on stderr for whatever stops one.

Exit status: 0 done, 1 something in the input stopped it, 2 wrong usage, 130 interrupted. Loads no torch by itself.
"""

import logging
import sys

import typer

from longtake import __version__
from longtake.cli import (
    annotate,
    batch,
    benchmark,
    compare,
    demo,
    describe,
    doctor,
    evaluate,
    export,
    import_,
    models,
    propose,
    relabel,
    segment,
    study,
    synth,
    train,
)
from longtake.errors import LongtakeError, StoppedError

INTERRUPTED = 130
"""Exit status after Ctrl-C, which typer turns into SystemExit."""

app = typer.Typer(
    name="longtake",
    help="Follow objects through video: one mask in, every mask out.",
    epilog="Start with: longtake demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.command)
app.command("segment")(segment.command)
app.command("annotate")(annotate.command)
app.command("batch")(batch.command)
app.command("evaluate")(evaluate.command)
app.command("benchmark")(benchmark.command)
app.command("compare")(compare.command)
app.command("study")(study.command)
app.command("synth")(synth.command)
app.command("export")(export.command)
app.command("import")(import_.command)
app.command("relabel")(relabel.command)
app.command("propose")(propose.command)
app.command("train")(train.command)
app.command("doctor")(doctor.command)
app.command("describe")(describe.command)
app.add_typer(models.app, name="models")


def _version(asked: bool | None) -> None:
    if asked:
        typer.echo(f"longtake {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool | None = typer.Option(None, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    pass


LISTS = ("--data", "--predictions")
"""Options that take several values; of `annotate` --source, too."""


def expand_lists(words: list[str]) -> list[str]:
    """`--data A B C` as `--data A --data B --data C`, which is how the parser wants it."""
    expanded, option = list[str](), ""
    lists = (*LISTS, "--source") if words[:1] == ["annotate"] else LISTS
    for word in words:
        if option and not word.startswith("-") and expanded[-1] != option:
            expanded.append(option)
        elif word.startswith("-"):
            option = word if word in lists else ""
        expanded.append(word)
    return expanded


class OnStderr(logging.Handler):
    """What the library has to say, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line to what stderr is just then."""
        sys.stderr.write(f"longtake: {self.format(record)}\n")


def main() -> None:
    """Run the command line."""
    logger = logging.getLogger("longtake")
    if not any(isinstance(handler, OnStderr) for handler in logger.handlers):
        logger.addHandler(OnStderr())
        logger.setLevel(logging.INFO)
    try:
        app(expand_lists(sys.argv[1:]))
    except LongtakeError as error:
        sys.stderr.write(f"longtake: {' '.join(str(error).split())}\n")
        sys.exit(INTERRUPTED if isinstance(error, StoppedError) else 1)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            sys.stderr.write("longtake: interrupted; what was finished is kept\n")
        raise
