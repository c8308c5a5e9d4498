"""The jobs of a batch on this machine: a process for each worker, which keeps its model from video to video."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from longtake.batch.manifest import Job
from longtake.batch.work import Outcome, failed, sweep, work

ATTEMPTS = 2
"""How often a video is begun whose process is killed: for want of memory, say, which another worker had taken."""


def default_workers() -> int:
    """A worker for each card, or for every two processors."""
    import torch

    return torch.cuda.device_count() or max(1, (os.cpu_count() or 1) // 2)


def run(jobs: Sequence[Job], out: Path, workers: int) -> Iterator[Outcome]:
    """The outcomes of all jobs, as they end; where a disk is full, of those that were begun by then.

    A worker whose process is killed gets another one. Where the caller stops, so do all processes.
    """
    waiting, ended = queue.SimpleQueue[Job](), queue.SimpleQueue[Outcome | BaseException | None]()
    for job in jobs:
        waiting.put(job)
    stop, others = threading.Event(), set(multiprocessing.active_children())
    count = min(workers, len(jobs))
    threads = [
        threading.Thread(target=_serve, args=(number, count, waiting, ended, out, stop), daemon=True)
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        while count:
            outcome = ended.get()
            if outcome is None:
                count -= 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                yield outcome
    finally:
        stop.set()
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        for thread in threads:
            thread.join()
        sweep(out)


def _serve(
    number: int,
    count: int,
    waiting: "queue.SimpleQueue[Job]",
    ended: "queue.SimpleQueue[Outcome | BaseException | None]",
    out: Path,
    stop: threading.Event,
) -> None:
    """Hand job after job to a process of this worker's own."""
    pool: ProcessPoolExecutor | None = None
    try:
        while not stop.is_set():
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                break
            outcome = failed(job, "its process was killed, again and again; too little memory?")
            for _ in range(ATTEMPTS):
                threads = max(1, (os.cpu_count() or 1) // count)
                pool = pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), begin, (threads, number))
                try:
                    outcome = pool.submit(work, job, out).result()
                    break
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = None
                    if stop.is_set():
                        return
            if outcome.full:
                stop.set()
            ended.put(outcome)
    except BaseException as error:
        ended.put(error)
    finally:
        if pool is not None:
            pool.shutdown()
        ended.put(None)


def begin(threads: int, number: int = 0) -> None:
    """A worker's process: its share of the processors, its own card; Ctrl-C is the first process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    if cards := torch.cuda.device_count():
        torch.cuda.set_device(number % cards)
