"""A benchmark in a process of its own: its peak memory is its own, and another one does not slow it down."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from longtake.errors import LongtakeError, ScarceError
from longtake.evaluation.benchmark import benchmark

Report = Callable[[int, int | None, str], None]


def in_own_process(report: Report, **words: Any) -> None:
    """Run `benchmark` with these arguments. Raises ScarceError or LongtakeError with the line that stopped it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, words), daemon=True)
    process.start()
    there.close()
    try:
        while True:
            kind, content = here.recv()
            if kind == "frame":
                report(*content)
            elif kind == "done":
                return
            else:
                raise ScarceError(content) if kind == "scarce" else LongtakeError(content)
    except EOFError as error:
        raise LongtakeError(f"{words['out']}: the process of this run was killed (out of memory?)") from error
    finally:
        process.terminate()
        process.join()
        here.close()


def _work(pipe: Connection, words: dict[str, Any]) -> None:
    """Ctrl-C is the first process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        benchmark(**words, report=lambda done, count, video: pipe.send(("frame", (done, count, video))))
        pipe.send(("done", None))
    except LongtakeError as error:
        pipe.send(("scarce" if isinstance(error, ScarceError) else "failed", str(error)))
