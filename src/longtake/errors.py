"""Every error that longtake raises on purpose.

    LongtakeError
    ├── InputError        something given by a person or a file cannot be used
    │   ├── SourceError       a video or a folder of frames
    │   ├── MaskError         a mask image, or masks that do not fit their video
    │   ├── CheckpointError   a weight file
    │   ├── SettingError      a name, a switch or a value
    │   ├── UnreadableError   an image file that cannot be decoded
    │   └── UnfitError        many files at once, each told of
    ├── OutputError       a result cannot be written
    ├── ScarceError       too little memory, however little is done at once
    ├── StoppedError      somebody stopped it, and it can go on
    └── MissingExtraError a part of longtake that is not installed

A message says what was wrong, where (file, frame, object), and what to do, on one line.
"""

from collections.abc import Sequence


class LongtakeError(Exception):
    """Root of all errors of this package; the command line prints them as one line and exits with status 1."""


class InputError(LongtakeError):
    """Something given by a person or a file cannot be used."""


class SourceError(InputError):
    """A video or a folder of frames cannot be read."""


class MaskError(InputError):
    """A mask image cannot be read, or does not fit its video."""


class CheckpointError(InputError):
    """A weight file is damaged, foreign, or does not fit its system."""


class SettingError(InputError):
    """A name, a switch or a value that longtake does not know."""


class UnreadableError(InputError):
    """An image file that is missing, cut short or no image: who reads many may pass over it and count it."""


class UnfitError(InputError):
    """Files that do not fit what is to be done with them; `problems` names every one, and nothing was done."""

    def __init__(self, problems: Sequence[str], done: str) -> None:
        """done: what would have been, as "scored"."""
        self.done, self.problems = done, tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count}, so nothing was {done}; the first: {problems[0]}")


class OutputError(LongtakeError):
    """A result cannot be written."""


class ScarceError(LongtakeError):
    """Memory does not suffice, however little is done at once and kept of the past."""


class StoppedError(LongtakeError):
    """Somebody stopped it; the message says how to go on. The command line exits with status 130."""


class MissingExtraError(LongtakeError):
    """A part of longtake that is not installed; the message holds the command that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; get it with: pip install 'longtake[{extra}]'")
