"""Session: frames pushed as they come, objects given, corrected and removed at any of them, and steps taken back."""

import hashlib
import logging
import operator
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
import torch
from jaxtyping import UInt16

from longtake.engine.explain import Explanation, explain
from longtake.engine.frugal import Means, is_out_of_memory, with_less
from longtake.engine.objects import remove
from longtake.engine.proposals import check_proposals, to_proposals
from longtake.engine.runtime import Runtime, runtime
from longtake.engine.saved import load_value, read_facts, save_value
from longtake.engine.step import Rules, Step, rules_for, step
from longtake.errors import ScarceError, SettingError, SourceError
from longtake.geometry import Placement
from longtake.systems.objects import AT_ONCE
from longtake.systems.protocol import AnySystem, FittedProposals, Prompt, State
from longtake.types import Frame, Masks, Prediction, Proposer, check_masks, in_pixels

log = logging.getLogger("longtake")


@dataclass(frozen=True)
class Moment:
    """Where a session stood before a frame. A value: keep it as long as you like, it holds that frame's memory."""

    state: State
    placement: Placement | None


MADE_BY = "made by"


@dataclass(frozen=True)
class _Standing:
    """What a saved session is."""

    moment: Moment
    means: Means
    short_side: int | None


def _made_by(system: AnySystem, run: Runtime) -> str:
    """The weights, as they lie ready, and the precision: what a state may not change on its way."""
    digest = hashlib.sha256(str(run.dtype).encode())
    for name, tensor in system.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        if tensor.is_meta:  # it lies in another program's graph
            continue
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class Session:
    """Follows objects through frames that are pushed one by one.

    Any number of sessions may share a system, which must be in evaluation mode and on the runtime's device. Every
    method may be called from any thread; calls of one session wait for each other.
    """

    def __init__(
        self,
        system: AnySystem,
        *,
        rules: Rules | None = None,
        short_side: int | None = 480,
        run: Runtime | None = None,
        keep: int = 32,
        proposer: Proposer | None = None,
    ) -> None:
        """short_side: larger frames are reduced to it, None never reduces. keep: how many steps can be taken back.

        proposer: finds what may be an object in each frame. Raises SettingError where the system takes no proposals.
        """
        check_proposals(system, proposer is not None)
        self.proposer = proposer
        self.system, self.short_side, self.run = system, short_side, run or runtime("cpu")
        self._means, self._frugal = Means(rules or rules_for(system), self.run.objects_at_once), False
        self._now = Moment(State(), None)
        self._past: deque[Moment] = deque(maxlen=keep)
        self._lock = threading.RLock()

    @property
    def rules(self) -> Rules:
        """What is kept of the past, and what is remembered of a prediction; less where memory has run out."""
        return self._means.rules

    @property
    def time(self) -> int:
        """The number of frames pushed, which is what `rewind` takes."""
        return self._now.state.time

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects that are followed."""
        return self._now.state.ids

    @property
    def remembered(self) -> frozenset[int]:
        """The steps whose frames memory holds, counted from 0, as `explain` speaks of them."""
        held = (self.system.held(cohort.memory) for cohort in self._now.state.cohorts)
        return frozenset(entry.time for entries in held for entry in entries)

    def push(
        self,
        frame: Frame | np.ndarray,
        prompt: Masks | Mapping[int, Any] | np.ndarray | None = None,
        truth: Masks | None = None,
    ) -> Prediction:
        """The objects of the next frame.

        frame: a Frame, or RGB uint8 [h, w, 3]. prompt: masks of new objects or corrections of old ones, as `Masks`, an
        array of ids [h, w], or a mask per id; objects that it leaves out go on being followed, an empty one says
        nothing. truth: all objects' true masks, for rules with an oracle (feedback "truth", or boxes); on a frame
        without it the system goes by its own prediction. Raises MaskError where masks do not fit the frame and
        SourceError where the frame's size is not that of the first; the session is then as it was. Where memory runs
        out, fewer objects are worked on at once, then fewer past frames kept; ScarceError where that does not help.
        """
        with self._lock:
            frame, placement = self._placed(frame)
            masks = None if prompt is None else Masks.of(prompt)
            if masks is not None:
                check_masks(masks, frame.size, f"frame {frame.name}")
                masks = masks if masks.ids else None
            while True:
                try:
                    state, prediction = self._stepped(frame, placement, masks, truth)
                    break
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                self._make_room(frame, masks)  # not above: the error's traceback holds tensors
            self._past.append(self._now)
            self._now = Moment(state, placement)
        return prediction

    def _stepped(
        self, frame: Frame, placement: Placement, masks: Masks | None, truth: Masks | None
    ) -> tuple[State, Prediction]:
        """The state after a frame, and what it shows."""
        with self._means.in_use(), self.run.inference():
            images = placement.images(to_tensor(frame, self.run.device))
            given = None if masks is None else to_prompt(masks, placement, self.run.device)
            known = None if truth is None else self._columns(truth, frame, placement)
            blind = known is None and self.rules.feedback == "truth"
            rules = replace(self.rules, feedback=self.system.feedback) if blind else self.rules
            inside = placement.inside(self.run.device)
            found, now = self._proposals(frame, placement), self._now.state
            state, out = step(self.system, rules, now, images, given, inside=inside, truth=known, proposals=found)
            return state, to_prediction(frame, placement, out, masks, self.system.least)

    def _make_room(self, frame: Frame, masks: Masks | None) -> None:
        """Go on with less where memory ran out. Raises ScarceError where there is no less."""
        objects = max(len(self.ids), 0 if masks is None else len(masks.ids))
        left = with_less(self.system, self._now.state, self._means, objects)
        if left is None:
            raise ScarceError(
                f"frame {frame.name}: out of memory, with one object at once and no past frames to spare; use a "
                "smaller --size, or fewer objects"
            )
        if not self._frugal:
            log.warning("frame %s: out of memory; going on with fewer objects at once, or past frames", frame.name)
        self._frugal, (self._means, state) = True, left
        self._now = replace(self._now, state=state)
        log.info("frame %s: %s", frame.name, self._means)
        self.run.release()

    def _placed(self, frame: Frame | np.ndarray) -> tuple[Frame, Placement]:
        """A frame with its name, and its way to the grid. Raises SourceError where its size is not the first's."""
        frame = frame if isinstance(frame, Frame) else _unnamed(frame, self.time)
        placement = self._now.placement or self.system.fit.place(frame.size, self.short_side)
        if frame.size != placement.original:
            first = in_pixels(placement.original)
            raise SourceError(f"frame {frame.name}: {in_pixels(frame.size)}, but the first is {first}; all must agree")
        return frame, placement

    def explain(self, frame: Frame | np.ndarray) -> tuple[Explanation, ...]:
        """What would be looked at for each object if this frame were pushed next; the session stays as it is.

        Empty where nothing is followed yet. The steps that it speaks of count the frames pushed, from 0. Raises
        SourceError as `push` does.
        """
        with self._lock:
            frame, placement = self._placed(frame)
            with self.run.inference():
                images = placement.images(to_tensor(frame, self.run.device))
                found = self._proposals(frame, placement)
                return explain(self.system, self._now.state, images, placement, found)

    def _proposals(self, frame: Frame, placement: Placement) -> FittedProposals | None:
        """What may be an object in the frame, where somebody looks for it and somebody is followed."""
        if self.proposer is None or not self._now.state.cohorts:
            return None
        return to_proposals(self.proposer(frame), frame, placement, self.run.device)

    def _columns(self, truth: Masks, frame: Frame, placement: Placement) -> torch.Tensor:
        """The true masks [1, n, h, w] of the objects that are followed, empty where the truth has none."""
        check_masks(truth, frame.size, f"frame {frame.name}")
        planes = to_planes(truth.labels, self.ids, placement, self.run.device)
        return torch.cat(planes, dim=1) if planes else torch.zeros(1, 0, *placement.fitted)

    def remove(self, *ids: int) -> None:
        """Follow these objects no longer, from the next frame on; rewinding to an earlier frame brings them back.

        Raises SettingError on an id that is not followed.
        """
        with self._lock:
            self._now = replace(self._now, state=remove(self._now.state, ids))

    def moment(self) -> Moment:
        """Where the session stands; `rewind` comes back to it, however many frames later."""
        return self._now

    def save(self, path: Path, moment: Moment | None = None, facts: Mapping[str, str] | None = None) -> None:
        """Write where the session stands, or another moment of it, memory included; whole or not at all.

        facts: words of the caller's own beside it. Raises OutputError where the file cannot be written.
        """
        moment = moment or self._now
        made_by = {MADE_BY: _made_by(self.system, self.run)}
        save_value(path, _Standing(moment, self._means, self.short_side), {**(facts or {}), **made_by})

    @classmethod
    def load(
        cls,
        path: Path,
        system: AnySystem,
        *,
        run: Runtime | None = None,
        keep: int = 32,
        proposer: Proposer | None = None,
    ) -> "Session":
        """A session that goes on where the saved one stood, bit for bit; frames before that cannot be rewound to.

        system: the same, and as ready, as it was. Raises SettingError where the file is no saved session, or one of
        another model or precision.
        """
        run = run or runtime("cpu")
        if read_facts(path).get(MADE_BY) != _made_by(system, run):
            raise SettingError(f"{path}: saved by another model, or in another precision; open it with the same")
        standing = load_value(path, run.device, home=type(system).__module__.partition(".")[0])
        if not isinstance(standing, _Standing):
            raise SettingError(f"{path}: not a saved session")
        session = cls(
            system, rules=standing.means.rules, short_side=standing.short_side, run=run, keep=keep, proposer=proposer
        )
        session._means, session._now = standing.means, standing.moment
        return session

    def rewind(self, to: SupportsIndex | Moment) -> None:
        """Go back to where `to` frames had been pushed, or to a kept moment; what is pushed again comes out the same.

        To correct frame t: rewind(t), then push it once more with its prompt. Raises SettingError where that many
        frames have not been pushed, or lie further back than the session keeps.
        """
        with self._lock:
            held = {moment.state.time: moment for moment in self._past} | {self.time: self._now}
            if isinstance(to, Moment):
                if not any(moment is to for moment in self._past):
                    self._past.clear()  # steps of another branch
                held[to.state.time] = to
            to = to.state.time if isinstance(to, Moment) else operator.index(to)
            if to not in held:
                span = f"{min(held)} to {max(held)}"
                raise SettingError(f"rewind to {to}: held are {span}; keep moment() of a frame to return to it")
            self._now = held[to]
            while self._past and self._past[-1].state.time >= self.time:
                self._past.pop()


def _unnamed(image: np.ndarray, index: int) -> Frame:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        shape = "x".join(map(str, image.shape))
        raise SourceError(f"frame {index}: an array {shape} of {image.dtype}; give RGB uint8, [height, width, 3]")
    return Frame(index, f"{index:06d}", Fraction(index), True, image)


def to_tensor(frame: Frame, device: torch.device) -> torch.Tensor:
    """RGB in [0, 1], float32 [1, 3, h, w]."""
    image = torch.from_numpy(np.require(frame.image, requirements=["C", "W"])).to(device)
    return image.permute(2, 0, 1)[None].float() / 255


def to_prompt(masks: Masks, placement: Placement, device: torch.device) -> Prompt:
    """Masks on the system's grid."""
    planes = to_planes(masks.labels, masks.ids, placement, device)
    valid = torch.ones(1, len(masks.ids), dtype=torch.bool, device=device)
    return Prompt(masks.ids, torch.cat(planes, dim=1), valid)


def to_planes(
    labels: UInt16[np.ndarray, "h w"], ids: tuple[int, ...], placement: Placement, device: torch.device
) -> list[torch.Tensor]:
    """A mask [1, 1, h2, w2] on the system's grid for each id."""
    values = torch.from_numpy(labels.astype(np.int32)).to(device)
    return [placement.masks((values == name).float()[None, None]) for name in ids]


def to_prediction(frame: Frame, placement: Placement, out: Step, masks: Masks | None, least: float = 0) -> Prediction:
    """The most probable id of each of the frame's own pixels; given masks stay what they are.

    least: an object of a smaller probability is not taken for it.
    """
    names = np.array((0, *out.ids), np.uint16)
    certainty, column = _best(out.probabilities, placement, least)
    labels = names[column]
    if masks is not None:
        covered, asked = masks.labels > 0, np.isin(labels, masks.ids)
        labels = np.where(covered, masks.labels, np.where(asked, np.uint16(0), labels))
        certainty = np.where(covered | asked, np.float32(1), certainty)

    def soft() -> np.ndarray:
        if masks is not None and set(out.ids) == set(masks.ids):
            planes: np.ndarray = (masks.labels == names[:, None, None]).astype(np.float32)
            return planes
        restored: np.ndarray = placement.restore(out.probabilities.float())[0].cpu().numpy()
        return restored

    return Prediction(frame, out.ids, labels, certainty, masks is not None, soft)


def _best(probabilities: torch.Tensor, placement: Placement, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Per original pixel the largest probability and its channel; a few channels at a time, for many objects.

    Where that is below `least`, the background's.
    """
    value, column = None, None
    size = AT_ONCE.get()
    for first in range(0, probabilities.shape[1], size):
        best, where = placement.restore(probabilities[:, first : first + size].float())[0].max(dim=0)
        if value is None or column is None:
            value, column = best, where
        else:
            better = best > value
            value, column = torch.where(better, best, value), torch.where(better, where + first, column)
    assert value is not None and column is not None
    if least > 0:
        unsure = value < least
        background = placement.restore(probabilities[:, :1].float())[0, 0]
        value, column = torch.where(unsure, background, value), torch.where(unsure, 0, column)
    return value.cpu().numpy(), column.cpu().numpy()
