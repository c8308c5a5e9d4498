"""Propagate: a generator over a frame source, one prediction per frame, memory constant in the length of the video."""

from collections.abc import Callable, Iterable, Iterator

from longtake.engine.runtime import Runtime
from longtake.engine.session import Session
from longtake.engine.step import Rules
from longtake.systems.protocol import AnySystem
from longtake.types import Frame, Masks, Prediction, Proposer

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
    proposer: Proposer | None = None,
) -> Iterator[Prediction]:
    """Follow the objects of every prompt from its frame on; an empty mask says nothing.

    proposer: finds what may be an object in each frame, for systems that take proposals.
    short_side: frames with a larger short side are reduced to it; None never reduces. The system must be in
    evaluation mode and on the runtime's device. Raises MaskError where masks do not fit their frame, SourceError where
    a frame has another size than the first.
    """
    session = Session(system, rules=rules, short_side=short_side, run=run, keep=0, proposer=proposer)
    for frame in frames:
        yield session.push(frame, prompts(frame))
