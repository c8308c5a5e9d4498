"""The clips of each step, read by processes of their own, shared out among those that train.

Shapes: b batch, t frames, h height, w width.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from longtake.data.mixture import ClipDataset, Sample
from longtake.errors import InputError, LongtakeError
from longtake.training.interrupt import ignore_signals

BEARABLE = 0.01
"""The share of a run's images that may be unreadable."""


class Loaded(NamedTuple):
    """Clips that pass through the model together: images uint8 [b, t, 3, h, w], ids uint8 [b, t, h, w].

    skipped: files that could not be read on the way. proposals: uint8 [b, t, p, h, w], empty masks as padding, or none.
    error: why there are no clips.
    """

    images: Tensor
    ids: Tensor
    skipped: tuple[str, ...]
    proposals: Tensor | None = None
    error: str = ""


class Share(Sampler[int]):
    """The numbers of a process's clips, part by part; all processes share the `batch` clips of a step."""

    def __init__(self, steps: range, batch: int, parts: int, process: tuple[int, int]) -> None:
        """process: its number, and how many there are."""
        self.steps, self.batch, self.parts, (self.own, self.processes) = steps, batch, parts, process
        self.size = batch // (parts * self.processes)

    def __iter__(self) -> Iterator[int]:
        for step, part in itertools.product(self.steps, range(self.parts)):
            first = step * self.batch + (part * self.processes + self.own) * self.size
            yield from range(first, first + self.size)

    def __len__(self) -> int:
        return len(self.steps) * self.parts * self.size


def load(clips: ClipDataset, share: Share, workers: int) -> Iterator[list[Loaded]]:
    """For each step its clips that are this process's, in parts. Raises InputError naming data that cannot be used."""
    loader = DataLoader(
        clips,
        batch_size=share.size,
        sampler=share,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=_collate,
        worker_init_fn=ignore_signals,
    )
    try:
        with one_thread_of_opencv() if workers else contextlib.nullcontext():
            stream = iter(loader)
            try:
                while ready := list(itertools.islice(stream, share.parts)):
                    if errors := [part.error for part in ready if part.error]:
                        raise InputError(errors[0])
                    yield ready
            finally:
                del stream  # ends its processes, which take no signal, though a traceback may hold this frame
    except RuntimeError as error:
        raise LongtakeError(
            f"a process that reads data came to an end ({error}); if memory is short: --set workers=0 --set cache=0"
        ) from error


@contextlib.contextmanager
def one_thread_of_opencv() -> Iterator[None]:
    """For this process and those forked from it; to set it in a forked process would wait for threads it has not."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _collate(samples: Sequence[Sample]) -> Loaded:
    skipped = tuple(name for sample in samples for name in sample.skipped)
    if error := next((sample.error for sample in samples if sample.error), ""):
        return Loaded(samples[0].images[:0], samples[0].ids[:0], skipped, error=error)
    images = torch.stack([sample.images for sample in samples])
    proposals = [sample.proposals for sample in samples if sample.proposals is not None]
    found = torch.stack(proposals) if proposals else None
    return Loaded(images, torch.stack([sample.ids for sample in samples]), skipped, found)


class Skipped:
    """Files that could not be read, each told of once; too many of them end the run. count: of all images."""

    def __init__(self, count: int) -> None:
        self.count, self.found = count, list[str]()

    def __str__(self) -> str:
        return f"{len(self.found)} of {self.count} images"

    def add(self, messages: Sequence[str]) -> list[str]:
        """Count what was skipped; returns what is new."""
        fresh = [message for message in dict.fromkeys(messages) if message not in self.found]
        self.found += fresh
        return fresh

    def check(self) -> None:
        """Raises InputError where more than 1 % of all images are bad."""
        if len(self.found) > BEARABLE * self.count:
            raise InputError(f"{self} cannot be read, more than 1 %; mend or remove them; the last: {self.found[-1]}")
