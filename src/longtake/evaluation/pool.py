"""The videos of a data set, each by itself: one after another, or in several processes."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import cv2

from longtake.data.dataset import Video
from longtake.errors import LongtakeError, UnfitError
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.reading import Run
from longtake.evaluation.scoring import VideoScores, score_video

Report = Callable[[int, int | None], None]
"""Called with the number of videos done, and of all."""

Found = TypeVar("Found")

SMALL = 400
"""Masks for which other processes are not worth their start."""


def score_videos(
    videos: Sequence[Video],
    runs: Mapping[str, Run],
    protocol: Protocol,
    workers: int | None = None,
    report: Report = lambda done, count: None,
) -> list[VideoScores]:
    """Scores of every video, in their order. Raises UnfitError naming all that is wrong with any file."""

    def rest(video: Video) -> tuple[Mapping[str, Run], Protocol]:
        return {run: {video.name: files.get(video.name, {})} for run, files in runs.items()}, protocol

    ordered = over_videos(score_video, videos, rest, workers, report)
    if problems := [problem for video in ordered for problem in video.problems]:
        raise UnfitError(problems, "scored")
    return ordered


def over_videos(
    work: Callable[..., Found],
    videos: Sequence[Video],
    rest: Callable[[Video], tuple[Any, ...]],
    workers: int | None = None,
    report: Report = lambda done, count: None,
) -> list[Found]:
    """What becomes of every video, in their order.

    work: a function of a module. rest: what it takes of a video beside itself. workers: processes; None takes as many
    as there are processors and videos, and one where there is little to do.
    """
    count = min(_workers(videos) if workers is None else max(1, workers), len(videos))
    found: dict[int, Found] = {}
    for place, result in _each(work, videos, rest, count):
        found[place] = result
        report(len(found), len(videos))
    return [found[place] for place in range(len(videos))]


def _workers(videos: Sequence[Video]) -> int:
    return 1 if sum(len(video.masks) for video in videos) < SMALL else os.cpu_count() or 1


def _each(
    work: Callable[..., Found], videos: Sequence[Video], rest: Callable[[Video], tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Found]]:
    """What becomes of each video, with its place, as it comes."""
    if workers <= 1:
        yield from ((place, work(video, *rest(video))) for place, video in enumerate(videos))
        return
    others = set(multiprocessing.active_children())
    longest_first = sorted(enumerate(videos), key=lambda entry: len(entry[1].masks), reverse=True)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _alone) as pool:
        try:
            jobs = {pool.submit(work, video, *rest(video)): place for place, video in longest_first}
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool as error:
            raise LongtakeError("a process of several was killed (out of memory?); try --workers 1") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise


def _alone() -> None:
    """A process keeps to one processor, for there is one process for each; Ctrl-C is the first process's business."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
