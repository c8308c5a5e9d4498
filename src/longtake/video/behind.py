"""Write behind: results are written in a thread of their own while the next ones are made."""

import queue
import threading
from collections.abc import Sequence
from types import TracebackType

from longtake.types import Frame, Prediction
from longtake.video.sinks import Sink


class Behind(Sink):
    """Sinks that lag by up to `depth` predictions.

    What they raise comes out of the next `write`, or of leaving; the predictions after it are not written. Leaving
    waits until all are, whatever ended the work.
    """

    def __init__(self, sinks: Sequence[Sink], depth: int = 2) -> None:
        self.sinks = sinks
        self._waiting: queue.Queue[Prediction | Frame | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="longtake write behind", daemon=True)
        self._thread.start()

    def write(self, prediction: Prediction) -> None:
        """Leave one prediction to the sinks."""
        self._tell()
        self._waiting.put(prediction)

    def passed(self, frame: Frame) -> None:
        """Leave one frame that is done to the sinks."""
        self._tell()
        self._waiting.put(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        if kind is None:
            self._tell()

    def _tell(self) -> None:
        if (error := self._error) is not None:
            self._error = None
            raise error

    def _work(self) -> None:
        failed = False
        while (item := self._waiting.get()) is not None:
            if failed:
                continue  # emptied, so that nobody waits for room
            try:
                for sink in self.sinks:
                    if isinstance(item, Prediction):
                        sink.write(item)
                    else:
                        sink.passed(item)
            except BaseException as error:
                self._error, failed = error, True
