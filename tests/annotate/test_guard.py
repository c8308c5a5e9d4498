"""The guard: other origins, other names of this machine, tokens, paths, bodies, headers."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import apart
from longtake.annotate.security import HEADERS, Guard

TOKEN = "the-token"
HOME = "http://127.0.0.1:8765"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """The shape of the page's application, on files beside which lies a secret."""
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("static", "exports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("open")
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=tmp_path / "static"))

    @app.get("/")
    def page() -> str:
        return "the page"

    @app.get("/api/broken")
    def broken() -> None:
        raise RuntimeError("broken")

    @app.get("/api/kept")
    def kept() -> FileResponse:
        return FileResponse(tmp_path / "exports/a.txt", headers={"Cache-Control": "max-age=60"})

    @app.get("/api/exports/{name}")
    def export(name: str) -> FileResponse:
        if not (tmp_path / "exports" / name).is_file():
            raise HTTPException(404)
        return FileResponse(tmp_path / "exports" / name)

    @app.post("/api/json")
    async def json(body: dict[str, Any]) -> int:
        return len(body)

    @app.post("/api/videos")
    @app.post("/api/videos/{video}/proposals")
    async def upload(request: Request) -> int:
        app.state.arrived = 0
        async for chunk in request.stream():
            app.state.arrived += len(chunk)
        return int(app.state.arrived)

    return app


ROOM = Guard(FastAPI(), TOKEN, 8765).room
"""Where the page lies."""


@pytest.fixture
def ask(app: FastAPI) -> Iterator[Ask]:
    """Sends one request through the guard, with the token unless `headers` says otherwise."""
    guard = Guard(app, TOKEN, 8765, largest_body=1000, largest_video=5000, largest_proposals=3000)

    def send(path: str, method: str = "GET", headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
                return await client.request(method, path, headers=BEARER if headers is None else headers, **more)

        answer = apart.run(once())
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        return answer

    yield send


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LocalHost:8765", "[::1]:8765"])
def test_this_machine_has_three_names(ask: Ask, host: str) -> None:
    assert ask("/", headers={**BEARER, "Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "127.0.0.1",
        "127.0.0.1:8766",
        "0.0.0.0:8765",
        "2130706433:8765",
        "evil.example:8765",
        "localhost:8765.evil.example",
        "127.0.0.1:8765@evil.example",
        "evil.example/127.0.0.1:8765",
        "127.0.0.1:8765, evil.example",
    ],
)
@pytest.mark.parametrize("path", ["/", f"/?token={TOKEN}", "/api/kept"])
def test_another_name_is_refused_even_with_the_token(ask: Ask, host: str, path: str) -> None:
    answer = ask(path, headers={**BEARER, "Host": host})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://127.0.0.1:8765", "http://127.0.0.1:9999", "null", ""]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/json"), ("GET", "/api/kept"), ("GET", f"/?token={TOKEN}")])
def test_another_origin_is_refused(ask: Ask, origin: str, method: str, path: str) -> None:
    assert ask(path, method, {**BEARER, "Origin": origin}, json={}).status_code == 403


@pytest.mark.parametrize("origin", [HOME, "http://localhost:8765"])
def test_the_page_itself_may_ask(ask: Ask, origin: str) -> None:
    assert ask("/api/json", "POST", {**BEARER, "Origin": origin}, json={"a": 1}).json() == 1


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
def test_what_the_browser_says_of_the_sender_counts(ask: Ask, site: str, status: int) -> None:
    for path in ("/", "/api/kept", "/static/a.txt"):
        assert ask(path, headers={**BEARER, "Sec-Fetch-Site": site}).status_code == status


def test_the_printed_address_leaves_a_cookie_and_goes_to_the_page(ask: Ask) -> None:
    answer = ask(f"/?token={TOKEN}", headers={"Sec-Fetch-Site": "none"})
    assert (answer.status_code, answer.headers["location"]) == (303, ROOM)
    assert answer.headers["set-cookie"] == f"longtake-8765={TOKEN}; HttpOnly; Path={ROOM}; SameSite=strict"
    assert answer.headers["cache-control"] == "no-store"
    cookie = {"Cookie": f"other=1; longtake-8765={TOKEN}"}
    assert ask(ROOM, headers=cookie).json() == "the page"
    assert ask(f"{ROOM}api/kept", headers=cookie).headers["cache-control"] == "max-age=60"
    assert ask("/", headers=cookie).status_code == 403


def test_a_browser_shows_the_cookie_to_no_other_server_of_this_machine(ask: Ask) -> None:
    cookies = httpx.Cookies()
    cookies.extract_cookies(ask(f"/?token={TOKEN}", headers={}))
    for address, sent in ((HOME + ROOM, True), (HOME, False), ("http://127.0.0.1:9999/", False)):
        request = httpx.Request("GET", address)
        cookies.set_cookie_header(request)
        assert ("cookie" in request.headers) == sent
    other = Guard(FastAPI(), "another", 9999).room
    assert other != ROOM
    assert TOKEN not in ROOM


def test_a_link_elsewhere_works_too_but_by_a_page_of_our_own(ask: Ask) -> None:
    answer = ask(f"/?token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 200
    assert f'content="0; url={ROOM}"' in answer.text
    assert "longtake-8765" in answer.headers["set-cookie"]
    assert TOKEN not in answer.text


WRONG = ["wrong", "", TOKEN[:-1], TOKEN + "x", "%00", "%ED%A0%80", "%C3%A9", TOKEN.upper()]


@pytest.mark.parametrize("token", WRONG)
def test_a_wrong_token_is_refused_in_words(ask: Ask, token: str) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Cookie": f"longtake-8765={TOKEN}"}):
        answer = ask(f"/?token={token}", headers=headers)
        assert answer.status_code == 403
        assert "open the address that longtake printed" in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cookie": f"longtake-8766={TOKEN}"},
        {"Cookie": f"longtake-8765={TOKEN}"},
        {"Cookie": "longtake-8765=wrong"},
        {"Cookie": f"longtake-8765={TOKEN}x"},
        {"Cookie": "=;;;\xff"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \xe9"},
    ],
)
def test_without_the_token_nothing_is_told(ask: Ask, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/", "/static/a.txt", "/api/kept", "/api/nothing", "/openapi.json"):
        answer = ask(path, headers=raw)
        assert answer.status_code == 403
        assert "open the address that longtake printed" in answer.text
    assert ask("/api/kept", headers=raw).json()["detail"].startswith("no token")


def test_a_token_elsewhere_than_at_the_page_is_none(ask: Ask) -> None:
    assert ask(f"/api/kept?token={TOKEN}", headers={}).status_code == 403
    assert ask(f"/?token={TOKEN}", "POST", headers={}).status_code == 403


UP = ["../secret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt", "..%5csecret.txt", "%252e%252e%252fsecret.txt"]
UP += [
    "a.txt/../../secret.txt",
    "....//secret.txt",
    "%2fetc%2fpasswd",
    "%00",
    "a.txt%00",
    "C:%5csecret.txt",
    "%2e%2e",
    "%2e",
]


@pytest.mark.parametrize("folder", ["/static", "/api/exports"])
@pytest.mark.parametrize("path", UP)
def test_no_path_leads_out_of_a_folder(ask: Ask, folder: str, path: str) -> None:
    answer = ask(HOME + folder + "/" + path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize("path", ["/static", "/static/", "/api/exports", "/api/exports/", "/static/."])
def test_no_folder_is_listed(ask: Ask, path: str) -> None:
    assert ask(path).status_code in (307, 404)
    assert ask(path, follow_redirects=True).status_code == 404


LIMITS = [("/api/json", 1000), ("/api/videos", 5000), ("/api/videos/1/proposals", 3000)]


@pytest.mark.parametrize(("path", "limit"), LIMITS)
@pytest.mark.parametrize("by", ["length", "stream"])
def test_a_body_that_is_too_large_is_refused(ask: Ask, app: FastAPI, path: str, limit: int, by: str) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for at in range(0, size, 100):
            yield bytes(min(100, size - at))

    def send(size: int) -> httpx.Response:
        return ask(path, "POST", content=bytes(size) if by == "length" else chunks(size))

    assert send(limit).status_code != 413
    app.state.arrived = 0
    answer = send(limit + 1)
    assert answer.status_code == 413 and "larger than" in answer.json()["detail"]
    assert app.state.arrived <= limit


@pytest.mark.parametrize("path", ["/api/videos/1/other", "/api/videos/1/proposals/2", "/static/a.txt", "/"])
def test_only_uploads_may_be_larger(ask: Ask, path: str) -> None:
    assert ask(path, "POST", content=bytes(1001)).status_code == 413
    assert ask("/api/videos", "PUT", content=bytes(1001)).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000, "\u00b2", ""])
def test_a_length_that_is_none_is_refused(ask: Ask, length: str) -> None:
    assert ask("/api/json", "POST", {**BEARER, "Content-Length": length.encode("latin-1")}).status_code == 413  # type: ignore[dict-item]


def test_the_headers_are_on_errors_as_well(ask: Ask) -> None:
    assert ask("/api/broken").status_code == 500
    assert ask("/api/nothing").status_code == 404
    assert ask("/api/json", "POST", json=[1]).status_code == 422
    assert ask("/api/json", "DELETE").status_code == 405


def test_data_are_not_kept_unless_the_answer_says_so(ask: Ask) -> None:
    assert ask("/api/nothing").headers["cache-control"] == "no-store"
    assert ask("/api/kept").headers["cache-control"] == "max-age=60"
    assert ask("/static/a.txt").headers["cache-control"] == "no-cache"


def test_websockets_are_refused_and_the_lifespan_reaches_the_application() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        seen.append(message["type"])

    guard = Guard(app, TOKEN, 8765)
    headers = [(b"host", b"127.0.0.1:8765"), (b"authorization", f"Bearer {TOKEN}".encode())]
    apart.run(guard({"type": "websocket", "path": "/", "headers": headers}, receive, send))
    apart.run(guard({"type": "lifespan"}, receive, send))
    assert seen == ["websocket.close", "lifespan"]
