"""Read ahead: frames are decoded in a thread of their own while earlier ones are worked on."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

END = object()


def read_ahead(items: Iterable[T], depth: int = 4) -> Generator[T, None, None]:
    """The same items, up to `depth` of them made before they are asked for; errors come in their place."""
    ready: queue.Queue[tuple[object, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: object, error: BaseException | None = None) -> None:
        while not stop.is_set():
            try:
                ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(END)
        except BaseException as error:
            put(END, error)

    thread = threading.Thread(target=read, name="longtake read ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is END:
                return
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(timeout=1)
