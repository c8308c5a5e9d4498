"""What is given of a video's objects: mask images, and masks made of rough prompts, which are written for the user."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from longtake.engine.session import Session
from longtake.errors import MaskError, SettingError
from longtake.prompting.prompted import Prompted
from longtake.prompting.rough import Maker
from longtake.types import Frame, Masks
from longtake.video.palette import write_labels
from longtake.video.prompts import MaskFolder
from longtake.video.sinks import make_folder, output

log = logging.getLogger("longtake")


class Given:
    """Looks up or makes the masks of a frame as it comes; made ones are written to FOLDER/<frame>.png.

    Raises SettingError where there is nothing to look up and nothing to make.
    """

    def __init__(
        self, masks: Path | None, prompts: Sequence[Prompted], make: Maker, folder: Path, rate: Fraction
    ) -> None:
        """rate: frames per second; a time may lie so little before the first frame."""
        if masks is None and not prompts:
            raise SettingError("nothing to follow: give --masks, --box, --point, --scribble or --prompts")
        self.masks = None if masks is None else MaskFolder(masks)
        self.pending, self.make, self.folder, self.early = list(prompts), make, folder, 1 / rate
        self.frames, self.prompts = 0, len(prompts)

    @property
    def named_colours(self) -> dict[str, int]:
        """Which object each colour was taken for, by its name: #rrggbb."""
        return {} if self.masks is None else self.masks.named_colours

    def passed(self, frame: Frame) -> None:
        """In place of a call, on a frame that an earlier run has done."""
        if self.masks is not None:
            self.masks(frame)
        self.pending = [prompted for prompted in self.pending if not self._is_due(prompted, frame)]
        self.frames += 1

    def __call__(self, frame: Frame, session: Session) -> Masks | None:
        """The masks given on the frame that is pushed next.

        Points and scribbles of an object that is followed correct what the session expects of it. Raises MaskError
        naming prompt and frame where nothing can be made of one, or a mask image cannot be read.
        """
        masks = None if self.masks is None else self.masks(frame)
        due = [prompted for prompted in self.pending if self._is_due(prompted, frame)]
        self.frames += 1
        self.pending = [prompted for prompted in self.pending if prompted not in due]
        if not due or (masks is not None and masks.labels.shape != frame.size):
            return masks
        made = self._made(frame, session, masks, due)
        path = make_folder(self.folder) / f"{frame.name}.png"
        with output(path):
            write_labels(path, made.labels)
        counts = ", ".join(f"object {p.object} ({np.count_nonzero(made.labels == p.object)} pixels)" for p in due)
        log.info("frame %s: made masks of %s: %s", frame.name, counts, path)
        return made

    def check_used(self, all_frames: bool = True) -> None:
        """Raises MaskError naming what fits no frame (if all frames came), or where nothing fitted any."""
        if self.masks is not None:
            self.masks.check_used(all_frames)
        if self.pending and (all_frames or (self.masks is None and len(self.pending) == self.prompts)):
            at = self.pending[0].at
            where = f" at {at.text}" if at else ""
            raise MaskError(f"{self.pending[0]}: no frame{where} (all else is written)")

    def _is_due(self, prompted: Prompted, frame: Frame) -> bool:
        at = prompted.at
        if at is None:
            return not self.frames
        if at.seconds is None:
            return at.frame == frame.index
        return at.reached_by(frame) and (self.frames > 0 or at.seconds > frame.since_first - self.early)

    def _made(self, frame: Frame, session: Session, masks: Masks | None, due: Sequence[Prompted]) -> Masks:
        labels = np.zeros(frame.size, np.uint16) if masks is None else masks.labels.copy()
        exact, expected = labels.copy(), None
        for prompted in due:
            name, there = prompted.object, labels == prompted.object
            if prompted.rough.corrects and not there.any() and name in session.ids:
                expected = _expected(frame, session) if expected is None else expected
                there = expected == name
            try:
                found = self.make(frame.image, prompted.rough, there)
                found &= (exact == 0) | (exact == name)
                if not found.any():
                    raise MaskError("all of it lies in other objects' masks")
            except MaskError as error:
                raise MaskError(f"{prompted}, frame {frame.name}: {error}") from error
            labels[labels == name] = 0
            labels[found] = name
        return Masks.of(labels, f"prompts of frame {frame.name}")


def _expected(frame: Frame, session: Session) -> np.ndarray:
    """The ids that the session would give without any prompt; it stays as it was."""
    moment = session.moment()
    labels = session.push(frame).labels
    session.rewind(moment)
    return labels
