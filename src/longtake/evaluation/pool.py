"""The videos of a data set, scored one after another or in several processes."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import cv2

from longtake.data.dataset import Video
from longtake.errors import LongtakeError, UnfitError
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.reading import Run
from longtake.evaluation.scoring import VideoScores, score_video

Report = Callable[[int, int | None], None]
"""Called with the number of videos done, and of all."""

SMALL = 400
"""Masks for which other processes are not worth their start."""


def score_videos(
    videos: Sequence[Video],
    runs: Mapping[str, Run],
    protocol: Protocol,
    workers: int | None = None,
    report: Report = lambda done, count: None,
) -> list[VideoScores]:
    """Scores of every video, in their order. Raises UnfitError naming all that is wrong with any file.

    workers: processes; None takes as many as there are processors and videos, and one where there is little to do.
    """
    count = _workers(videos) if workers is None else max(1, workers)
    scores: dict[str, VideoScores] = {}
    for done, found in enumerate(_scores(videos, runs, protocol, min(count, len(videos))), start=1):
        scores[found.name] = found
        report(done, len(videos))
    ordered = [scores[video.name] for video in videos]
    if problems := [problem for video in ordered for problem in video.problems]:
        raise UnfitError(problems, "scored")
    return ordered


def _workers(videos: Sequence[Video]) -> int:
    return 1 if sum(len(video.masks) for video in videos) < SMALL else os.cpu_count() or 1


def _scores(
    videos: Sequence[Video], runs: Mapping[str, Run], protocol: Protocol, workers: int
) -> Iterator[VideoScores]:
    if workers <= 1:
        yield from (score_video(video, runs, protocol) for video in videos)
        return
    others = set(multiprocessing.active_children())
    longest_first = sorted(videos, key=lambda video: len(video.masks), reverse=True)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _alone) as pool:
        try:
            own = [{run: {v.name: files.get(v.name, {})} for run, files in runs.items()} for v in longest_first]
            jobs = [pool.submit(score_video, v, part, protocol) for v, part in zip(longest_first, own, strict=True)]
            for job in as_completed(jobs):
                yield job.result()
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
