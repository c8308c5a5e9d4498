"""The server: one address, on this machine alone, and a quick end."""

import http.client
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from longtake.annotate.serve import address_of, listen
from longtake.errors import SettingError

SERVER = """
import logging, sys, time
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from longtake.annotate.news import News
from longtake.annotate.serve import listen, serve

app, news = FastAPI(), News()

@app.get("/")
def page() -> str:
    return "the page"

@app.get("/api/events")
async def events() -> StreamingResponse:
    return StreamingResponse(news.subscribe(), media_type="text/event-stream")

@app.get("/api/slow")
def slow() -> None:
    time.sleep(0.5)

@app.post("/api/videos")
async def upload(request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])

def stop() -> None:
    news.close()
    print("stopped", flush=True)

serve(app, listen(0), "the-token", lambda address: print(address, flush=True), stop)
"""
BEARER = {"Authorization": "Bearer the-token"}


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = urllib.parse.urlsplit(process.stdout.readline().strip())
        assert (address.hostname, address.path, address.query) == ("127.0.0.1", "/", "token=the-token")
        assert address.port is not None
        yield process, address.port
    finally:
        process.kill()
        process.communicate()


@contextmanager
def asked(port: int, path: str, method: str = "GET", body: bytes | None = None) -> Iterator[http.client.HTTPConnection]:
    """A connection on which a request was sent with the token."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, body, BEARER)
        yield connection


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_though_streams_are_open(end: signal.Signals) -> None:
    with server() as (process, port), ExitStack() as stack:
        streams = [stack.enter_context(asked(port, "/api/events")).getresponse() for _ in range(3)]
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))  # sends nothing
        assert all(stream.readline().startswith(b"id: ") for stream in streams)
        began = time.monotonic()
        process.send_signal(end)
        said, complaints = process.communicate(timeout=10)
        assert time.monotonic() - began < 2
        assert said == "stopped\n"
        assert complaints.strip().splitlines()[-1] == "KeyboardInterrupt"  # the command makes a line of it
        assert "Task" not in complaints and "retrieved" not in complaints
        for stream in streams:
            assert stream.read().strip(b":\n") == b""  # whole, or it would raise
            stream.close()


def test_a_request_in_progress_may_end_first() -> None:
    with server() as (process, port), asked(port, "/api/slow") as connection:
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        with connection.getresponse() as answer:
            assert answer.status == 200


def test_uploads_that_never_end_neither_hold_it_up_nor_make_it_complain() -> None:
    with server() as (process, port), socket.create_connection(("127.0.0.1", port)) as client:
        head = f"POST /api/videos HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer the-token\r\n"
        part = f"{head}Content-Length: 1000000\r\n\r\nabc".encode()
        client.sendall(part)
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(part)
            time.sleep(0.2)
        time.sleep(0.2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=10)
        assert time.monotonic() - began < 2.5
        assert "ASGI" not in complaints and "Cancel" not in complaints.replace("CancelledError", "")


def test_what_is_refused_is_read_to_its_end_so_that_the_answer_arrives() -> None:
    body = bytes(40 << 20)
    with server() as (_, port), asked(port, "/api/json", "POST", body) as connection, connection.getresponse() as said:
        assert said.status == 413


def test_raw_requests_get_no_further() -> None:
    """What no browser sends: paths that are not made simple, two hosts, none, a whole address as the path."""
    host = "Host: 127.0.0.1:{port}\r\nAuthorization: Bearer the-token\r\n\r\n"
    lines = {
        "GET /api/../api/slow HTTP/1.1\r\n" + host: 404,
        "GET //evil.example/.. HTTP/1.1\r\n" + host: 404,
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n": 403,
        "GET / HTTP/1.1\r\nHost: evil.example\r\n" + host: 400,
        "GET / HTTP/1.1\r\n\r\n": 400,
        "GET / HTTP/1.0\r\n\r\n": 403,
        "GET / HTTP/1.1\r\nX-Forwarded-Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n": 403,
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: evil.example\r\n\r\n": 403,
    }
    with server() as (_, port):
        for line, status in lines.items():
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(line.replace("{port}", str(port)).encode())
                assert client.recv(100).split()[1] == str(status).encode(), line


def test_only_this_machine_is_listened_to() -> None:
    with closing(listen(0)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_port_that_was_asked_for_is_had_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(listen(0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port} is in use by another program; give another --port, or 0"):
            listen(port)
        monkeypatch.setattr("longtake.annotate.serve.PORT", port)
        with closing(listen(None)) as second:
            assert port < second.getsockname()[1] < port + 20
    with closing(listen(port)):
        pass


def test_where_all_are_in_use_any_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(listen(0)) as first:
        make = socket.create_server
        taken = first.getsockname()
        monkeypatch.setattr(socket, "create_server", lambda at, **k: make(taken if at[1] else at, **k))
        with closing(listen(None)) as other:
            assert other.getsockname()[1] != taken[1]
