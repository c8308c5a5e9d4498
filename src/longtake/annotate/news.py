"""News for the pages that are open: told from any thread, sent to each as Server-Sent Events.

A page that cannot be told each single piece is told once that everything may be different: one that reads too slowly,
and one that comes back after its connection broke and has missed some.
"""

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

ALL = {"type": "all"}
"""Load everything again."""


class News:
    """A broadcast to any number of pages. Every method may be called from any thread."""

    def __init__(self, room: int = 256, pause: float = 15.0) -> None:
        """room: pieces that wait for a slow page. pause: seconds after which a comment is sent for want of news."""
        self.room, self.pause, self.closed = room, pause, False
        self._run, self._count = secrets.token_hex(4), 0  # an id of another run of the server is not taken for ours
        self._pages: set[_Page] = set()
        self._lock = threading.Lock()

    def publish(self, piece: Mapping[str, Any]) -> None:
        """Tell every page; waits for none."""
        with self._lock:
            self._count += 1
            text = self._text(piece)
            for page in self._pages:
                if len(page.waiting) >= self.room:
                    page.waiting = [self._text(ALL)]
                else:
                    page.waiting.append(text)
                page.wake()

    async def subscribe(self, seen: str | None = None) -> AsyncIterator[str]:
        """The body of a text/event-stream, until the page goes or the server closes.

        seen: the request's header Last-Event-ID, where a browser has sent it as it connected again.
        """
        page = _Page()
        with self._lock:
            self._pages.add(page)
            first = f"id: {self._id}\n\n" if seen in (None, self._id) else self._text(ALL)
        try:
            yield first
            while not self.closed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(page.woken.wait(), self.pause)
                page.woken.clear()
                with self._lock:
                    texts, page.waiting = page.waiting, []
                yield "".join(texts) or ":\n\n"
        finally:
            with self._lock:
                self._pages.discard(page)

    def close(self) -> None:
        """End every stream at once: the server shuts down."""
        with self._lock:
            self.closed = True
            for page in self._pages:
                page.wake()

    @property
    def _id(self) -> str:
        return f"{self._run}-{self._count}"

    def _text(self, piece: Mapping[str, Any]) -> str:
        return f"id: {self._id}\ndata: {json.dumps(piece)}\n\n"


class _Page:
    """What waits to be sent to one page, and the event that its stream sleeps on."""

    def __init__(self) -> None:
        self.loop, self.woken = asyncio.get_running_loop(), asyncio.Event()
        self.waiting: list[str] = []

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the page with it
            self.loop.call_soon_threadsafe(self.woken.set)
