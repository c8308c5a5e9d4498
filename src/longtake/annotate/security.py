"""The guard of the page's server: lets in the browser that has the token, on this machine, and nobody through it.

Any page that the browser shows may send requests to this machine. So a request must name this server as its host
(another name may have been pointed here: DNS rebinding), must not come from a page of another origin (of another port
neither, which `SameSite` lets pass), and must bear the token, which is printed once and kept in a cookie. All ports of
a machine share cookies; so the page lies below a path that nobody else knows, and the cookie is sent there alone.
"""

import hashlib
import re
import secrets
import urllib.parse

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""How a browser may name this machine."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every response."""

BODY, VIDEO, PROPOSALS = 16 << 20, 4 << 30, 256 << 20
"""The largest bodies in bytes: of any request, of a video, of proposals."""

MOVED = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={}"><title>longtake</title>'

NO_TOKEN = "open the address that longtake printed: it holds the token, which changes with every start"
ELSEWHERE = "the request comes from a page of another origin; open the address that longtake printed"


class Guard:
    """An ASGI application around another: refuses with 403, 404 or 413 what must not reach it."""

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        port: int,
        *,
        room: str | None = None,
        largest_body: int = BODY,
        largest_video: int = VIDEO,
        largest_proposals: int = PROPOSALS,
    ) -> None:
        """port: where it is served. room: names the path below which the page lies; made of the token without one.

        largest_...: in bytes, of a request's body, counted while it arrives.
        """
        self.app, self.token, self.largest_body = app, token, largest_body
        self.uploads = {r"/api/videos/?": largest_video, r"/api/videos/[^/]+/proposals/?": largest_proposals}
        self.hosts = {host if port == 80 else f"{host}:{port}" for host in HOSTS}
        self.origins = {f"http://{host}" for host in self.hosts}
        self.cookie = f"longtake-{port}"
        self.room = f"/{room or hashlib.sha256(token.encode()).hexdigest()[:24]}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            inside = scope["path"].startswith(self.room)
            if inside:
                path = scope["path"][len(self.room) - 1 :]
                scope = {**scope, "path": path, "raw_path": urllib.parse.quote(path).encode()}
            send = _with_headers(scope, send)
            answer = self._answer(Request(scope), inside)
            if answer is None:
                await _bounded(self.app, scope, receive, send, self._limit(scope))
            else:
                await answer(scope, receive, send)

    def _answer(self, request: Request, inside: bool) -> Response | None:
        """What is said instead of the application; None where the request may reach it.

        inside: whether it came below the path of the cookie.
        """
        headers, path = request.headers, request.scope["path"]
        if reason := self._foreign(headers):
            return _refusal(request, 403, reason)
        if (request.method, path) == ("GET", "/") and "token" in request.query_params:
            return self._enter(request)
        if reason := self._unknown(request, inside):
            return _refusal(request, 403, reason)
        if {".", ".."}.intersection(re.split(r"[/\\]", path)) or "\0" in path:
            return _refusal(request, 404, f"{path!r}: no such thing")
        limit = self._limit(request.scope)
        return _too_large(request, limit) if _exceeds(headers, limit) else None

    def _foreign(self, headers: Headers) -> str | None:
        """Why a request cannot be meant for this server, or not by its page."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return f"this is no server of that name; {NO_TOKEN}"
        return None if self.origins.issuperset(origins) else ELSEWHERE

    def _unknown(self, request: Request, inside: bool) -> str | None:
        """Why a request has no right to an answer."""
        cookie = request.cookies.get(self.cookie, "") if inside else ""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not (self._is_token(cookie) or self._is_token(bearer)):
            return f"no token, or a wrong one; {NO_TOKEN}"
        return ELSEWHERE if _from_elsewhere(request.headers) else None

    def _enter(self, request: Request) -> Response:
        """The cookie, and on to the page.

        From wherever the link was followed: who made it knows the token. But a browser that is sent on from another
        site would leave the strict cookie out, so there a page of this origin does the sending.
        """
        if not self._is_token(request.query_params["token"]):
            return _refusal(request, 403, f"a wrong token; {NO_TOKEN}")
        elsewhere = _from_elsewhere(request.headers)
        response = HTMLResponse(MOVED.format(self.room)) if elsewhere else RedirectResponse(self.room, 303)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(self.cookie, self.token, path=self.room, httponly=True, samesite="strict")
        return response

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.token.encode())

    def _limit(self, scope: Scope) -> int:
        """The bytes that a request's body may have."""
        sizes = [size for path, size in self.uploads.items() if re.fullmatch(path, scope["path"])]
        return sizes[0] if scope["method"] == "POST" and sizes else self.largest_body


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another origin's page made it send this; "none" is a person's doing."""
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _refusal(request: Request, status: int, detail: str) -> Response:
    """JSON for the page's scripts, a line of text for people."""
    headers = {"Cache-Control": "no-store"}
    if request.scope["path"].startswith("/api"):
        return JSONResponse({"detail": detail}, status, headers)
    return PlainTextResponse(f"longtake: {detail}\n", status, headers)


def _too_large(request: Request, limit: int) -> Response:
    return _refusal(request, 413, f"the request is larger than {limit / 2**20:.4g} MB; send less at once")


def _exceeds(headers: Headers, limit: int) -> bool:
    """Whether a request announces more than it may send."""
    length = headers.get("content-length", "0")
    return not length.isdecimal() or len(length) > 18 or int(length) > limit


async def _bounded(app: ASGIApp, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    """Runs an application that gets no more of the body: once there is, it is told that the client has gone."""
    arrived, refused, started = 0, False, False

    async def counted() -> Message:
        nonlocal arrived, refused
        if refused:
            return {"type": "http.disconnect"}
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived <= limit:
            return message
        refused = True
        if not started:
            await _too_large(Request(scope), limit)(scope, receive, send)
        return {"type": "http.disconnect"}

    async def unless_refused(message: Message) -> None:
        nonlocal started
        if not refused:
            started = True
            await send(message)

    try:
        await app(scope, counted, unless_refused)
    except ClientDisconnect:
        pass  # nobody waits for an answer
    except Exception:
        if not refused:
            raise


def _with_headers(scope: Scope, send: Send) -> Send:
    """Scripts and data are asked for again each time; data are not even kept."""
    cache = "no-store" if scope["path"].startswith("/api") else "no-cache"

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", cache)
        await send(message)

    return send_with_headers
