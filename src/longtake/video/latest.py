"""Live frames in time: those that would come too late are dropped, and told of."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Literal, TypeVar

T = TypeVar("T")

Drop = Literal["late", "waiting"]
"""late: frames that have waited longer than the latency, where a later one is there. waiting: all but the newest."""

MOST = 64
"""Frames that wait at most, however long the latency."""


def read_latest(
    items: Iterable[T],
    latency: float,
    dropped: Callable[[T], None],
    drop: Drop = "late",
    clock: Callable[[], float] = time.monotonic,
) -> Generator[T, None, None]:
    """The items of a live source, as they come, without those that the caller has no time for.

    latency: seconds from an item's arrival until it is handed on, beyond which it is dropped where a later one has
    come. dropped: called with each, in order, before the next item is yielded. Errors come after what was read before.
    """
    waiting, state = deque[tuple[float, T]](), threading.Condition()
    lost, stop, ended = deque[T](), threading.Event(), list[BaseException | None]()

    def read() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                with state:
                    waiting.append((clock(), item))
                    if len(waiting) > MOST:
                        lost.append(waiting.popleft()[1])
                    state.notify()
                if stop.is_set():
                    return
        except BaseException as raised:
            error = raised
        with state:
            ended.append(error)
            state.notify()

    thread = threading.Thread(target=read, name="longtake read latest", daemon=True)
    thread.start()
    try:
        while True:
            with state:
                state.wait_for(lambda: waiting or ended)
                if not waiting:
                    break
                while len(waiting) > 1 and (drop == "waiting" or clock() - waiting[0][0] > latency):
                    lost.append(waiting.popleft()[1])
                item, gone = waiting.popleft()[1], list(lost)
                lost.clear()
            for each in gone:
                dropped(each)
            yield item
        if ended[0] is not None:
            raise ended[0]
    finally:
        stop.set()
        thread.join(timeout=1)
