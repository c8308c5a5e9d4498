"""Boxes, points and scribbles of the command line, and who makes masks of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longtake.cli.problems import every_problem
from longtake.errors import SettingError

if TYPE_CHECKING:
    from longtake.prompting.prompted import Prompted
    from longtake.prompting.rough import Maker


def rough_prompts(given: Mapping[str, Sequence[str] | None], file: Path | None) -> "list[Prompted]":
    """Those of options and those of a file. Raises SettingError, InputError after all that is wrong in the file."""
    from longtake.prompting.prompted import from_options, read_prompts

    told = from_options({option: texts or () for option, texts in given.items()})
    with every_problem():
        return told + (read_prompts(file) if file else [])


def mask_maker(sam: str | None) -> "Maker":
    """GrabCut, or a model as `--sam` names it. Raises SettingError where it names no two files, CheckpointError."""
    if sam is None:
        from longtake.prompting.grabcut import grabcut

        return grabcut
    from longtake.prompting.sam import Sam

    encoder, comma, decoder = sam.partition(",")
    if not comma or "," in decoder:
        raise SettingError(f"--sam {sam}: two files, ENCODER.onnx,DECODER.onnx")
    return Sam(Path(encoder.strip()), Path(decoder.strip()))
