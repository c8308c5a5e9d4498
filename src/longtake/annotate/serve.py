"""The page's server: on this machine alone, at one address, until Ctrl-C."""

import contextlib
import ctypes
import errno
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from longtake.annotate.security import Guard
from longtake.errors import SettingError

PORT = 8765
"""Tried first where none was asked for."""

M_ARENA_MAX = -8
"""Of glibc's malloc.h."""

PATIENCE = 1
"""Seconds that requests in progress have to end in."""


def one_heap() -> None:
    """Let all threads share a heap, where the C library is glibc: large frames in forty of them would leave gaps.

    Over 1,000 frames of 1080p it grows by 29 MB, not by 124. To be called before there are threads.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def listen(port: int | None) -> socket.socket:
    """A socket of this machine only. port: 0 takes any that is free; None 8765, or the next free one.

    Raises SettingError where a port that was asked for is not to be had.
    """
    for candidate in (port,) if port is not None else (*range(PORT, PORT + 20), 0):
        try:
            return socket.create_server(("127.0.0.1", candidate), backlog=128)
        except OSError as error:
            failure = error
    taken = "in use by another program" if failure.errno == errno.EADDRINUSE else f"not to be had ({failure.strerror})"
    raise SettingError(f"port {port} is {taken}; give another --port, or 0 for any") from failure


def address_of(listener: socket.socket) -> str:
    """Where the page is, without the token."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(
    app: ASGIApp,
    listener: socket.socket,
    token: str,
    ready: Callable[[str], None],
    stop: Callable[[], None],
    room: str | None = None,
) -> None:
    """Serve an application, guarded, until SIGINT or SIGTERM; raises KeyboardInterrupt then, once all is closed.

    listener: from `listen`. ready: called with the address and its token when it can be opened. stop: called as soon
    as a signal came; ends what would hold the server up, such as streams and a running job. room: as `Guard` takes it.
    """
    guard = Guard(app, token, listener.getsockname()[1], room=room)
    config = uvicorn.Config(
        guard,
        http="h11",  # the one that is always there, so that what is tested is what runs
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    ready(f"{address_of(listener)}/?token={token}")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _Server(config, stop).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)


class _Server(uvicorn.Server):
    """Stops what it serves before it waits for it."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close, as uvicorn does it, but do not log what is cut off by it."""
        self.stop()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # until the next `Config`
        await super().shutdown(sockets)
