"""Propagate: a generator over a frame source, one prediction per frame, memory constant in the length of the video."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from longtake.engine.runtime import Runtime, runtime
from longtake.engine.step import Rules, Step, rules_for, step
from longtake.errors import MaskError, SourceError
from longtake.geometry import Placement
from longtake.systems.protocol import AnySystem, Prompt, State
from longtake.types import Frame, Masks, Prediction

Prompts = Callable[[Frame], Masks | None]
"""The masks that a person gives on a frame, if any."""


def propagate(
    system: AnySystem,
    frames: Iterable[Frame],
    prompts: Prompts,
    *,
    rules: Rules | None = None,
    short_side: int | None = 480,
    run: Runtime | None = None,
) -> Iterator[Prediction]:
    """Follow the objects of every prompt from its frame on; an empty mask after the first says nothing.

    short_side: frames with a larger short side are reduced to it; None never reduces. The system must be in
    evaluation mode and on the runtime's device. Raises MaskError where masks do not fit their frame, SourceError where
    a frame has another size than the first.
    """
    rules, run = rules or rules_for(system), run or runtime("cpu")
    state, placement, first = State(), None, None
    for frame in frames:
        if placement is None or first is None:
            first, placement = frame, system.fit.place(frame.size, short_side)
        elif frame.size != placement.original:
            raise SourceError(
                f"{frame.name}: {_size(frame.size)}, but {first.name} is {_size(first.size)}; all frames must agree"
            )
        masks = prompts(frame)
        if masks is not None:
            _check(masks, frame, started=bool(state.cohorts))
            masks = masks if masks.ids else None
        with run.inference():
            images = placement.images(to_tensor(frame, run.device))
            prompt = None if masks is None else to_prompt(masks, placement, run.device)
            state, out = step(system, rules, state, images, prompt, inside=placement.inside(run.device))
        yield to_prediction(frame, placement, out, masks)


def to_tensor(frame: Frame, device: torch.device) -> torch.Tensor:
    """RGB in [0, 1], float32 [1, 3, h, w]."""
    image = torch.from_numpy(np.ascontiguousarray(frame.image)).to(device)
    return image.permute(2, 0, 1)[None].float() / 255


def to_prompt(masks: Masks, placement: Placement, device: torch.device) -> Prompt:
    """Masks on the system's grid."""
    names = torch.tensor(masks.ids, dtype=torch.int32)
    labels = torch.from_numpy(masks.labels.astype(np.int32))
    planes = (labels == names[:, None, None]).float()[None].to(device)
    valid = torch.ones(1, len(masks.ids), dtype=torch.bool, device=device)
    return Prompt(masks.ids, placement.masks(planes), valid)


def to_prediction(frame: Frame, placement: Placement, out: Step, masks: Masks | None) -> Prediction:
    """Probabilities on the frame's own pixels, and the most probable id of each; given masks stay what they are."""
    probabilities = placement.restore(out.probabilities.float())[0].cpu().numpy()
    names = np.array((0, *out.ids), np.uint16)
    labels = names[probabilities.argmax(axis=0)]
    if masks is not None:
        covered, asked = masks.labels > 0, np.isin(labels, masks.ids)
        labels = np.where(covered, masks.labels, np.where(asked, np.uint16(0), labels))
        if set(out.ids) == set(masks.ids):
            probabilities = (masks.labels == names[:, None, None]).astype(np.float32)
    return Prediction(frame, out.ids, labels, probabilities, masks is not None)


def _check(masks: Masks, frame: Frame, started: bool) -> None:
    if masks.labels.shape != frame.size:
        size = _size((masks.labels.shape[0], masks.labels.shape[1]))
        raise MaskError(f"{masks.origin}: {size}, but frame {frame.name} is {_size(frame.size)}; give it that size")
    if not masks.ids and not started:
        raise MaskError(f"{masks.origin}: no mask pixels (all are background); mark at least one object")


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]} pixels"
