"""Masks to look at while they are made: a page on this machine, whose picture is always the newest."""

import http.server
import logging
import threading
from collections.abc import Callable
from types import TracebackType

import cv2

from longtake.export.overlay import blend
from longtake.types import Prediction
from longtake.video.sinks import Sink

log = logging.getLogger("longtake")

QUALITY = 80
"""Of the pictures, as JPEG counts it."""

PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>longtake live</title>
<body style="margin:0;background:#18181b"><img src="stream" alt="the newest frame with its masks"
style="display:block;margin:auto;max-width:100%;max-height:100vh"></body></html>"""


class LiveSink(Sink):
    """Serves the newest overlay as Motion JPEG at an address of this machine only, which is logged."""

    def __init__(self, port: int = 0) -> None:
        """port: 0 takes any that is free."""
        self.picture, self.number, self.over = b"", 0, False
        self.change = threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, name="longtake live", daemon=True)

    def __enter__(self) -> "LiveSink":
        self.thread.start()
        log.warning("live: %s", self.address)
        return self

    def write(self, prediction: Prediction) -> None:
        """Show one frame."""
        shown = blend(prediction.frame.image, prediction.labels, prediction.ids)[:, :, ::-1]
        _, data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        with self.change:
            self.picture, self.number = data.tobytes(), self.number + 1
            self.change.notify_all()

    def after(self, number: int) -> tuple[bytes, int] | None:
        """The newest picture when there is one later than `number`, waited for; None when there will be none."""
        with self.change:
            self.change.wait_for(lambda: self.number > number or self.over)
            return (self.picture, self.number) if self.number > number else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.change:
            self.over = True
            self.change.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _handler(live: LiveSink) -> Callable[..., http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """The page, and its picture that never ends."""

        def do_GET(self) -> None:
            if self.path == "/":
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)
            elif self.path == "/stream":
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                number = 0
                try:
                    while (found := live.after(number)) is not None:
                        picture, number = found
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass  # who looked has gone
            else:
                self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
