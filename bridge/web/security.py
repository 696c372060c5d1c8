"""Who may ask: the checks before every request, and the headers on every answer.

A page of any site may send requests to a program on its visitor's machine, and a site whose name
is made to point there ("DNS rebinding") may even read the answers. So the Host of a request must
be a name that belongs to this server: on loopback one of loopback's, beyond it any address in
figures (which no site can take for its own) or a name of this machine. A WebSocket, which pages
of all sites may open, and whatever is no mere reading are refused to a page that did not come from
here (Origin). Beyond loopback each of them has to bring the token (`tokens.py`).
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from bridge.web.tokens import Door, Refusal

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(),"
        b" payment=(), serial=(), usb=()",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""For answers that do not bring their own."""

_READING = ("GET", "HEAD")
_ENDING = {"connection": "close"}

_log = logging.getLogger(__name__)


def is_loopback(ip: str) -> bool:
    """Whether only this machine reaches a server at that address."""
    return ipaddress.ip_address(ip).is_loopback


def own_names(host: str) -> frozenset[str]:
    """What a server that was told to listen at `host` may be called, in small letters."""
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, f"{machine.partition('.')[0]}.local", host.lower()})


def name_in(host: str) -> str | None:
    """The name or address in a Host header, in small letters; None if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    plain = parts.netloc == host and "@" not in host and parts.hostname
    return parts.hostname if plain else None


def may_be_called(name: str, loopback: bool, names: Iterable[str]) -> bool:
    """Whether a server, on loopback or beyond, goes by `name`."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" if loopback else name in names
    return address.is_loopback if loopback else True


def is_from_here(origin: str, host: str) -> bool:
    """Whether a page of `origin` was served under `host`, name and port."""
    scheme, _, where = origin.partition("://")
    return scheme in ("http", "https") and where.lower() == host.lower()


class Guard:
    """Lets to `app` only what may reach it (`door`: with the token), and no error out of it."""

    def __init__(
        self, app: ASGIApp, loopback: bool, names: frozenset[str], door: Door | None = None
    ) -> None:
        self._app = app
        self._loopback = loopback
        self._names = names
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal:
            # Who is refused is to keep no connection, of which there are only so many.
            answer = PlainTextResponse(f"{refusal.words}\n", refusal.status, _ENDING)
            await answer(scope, receive, _dressed(send))
            return
        begun = False
        onward = _dressed(send, self._door.cookie(scope) if self._door else None)

        async def safely(message: Message) -> None:
            nonlocal begun
            begun = True
            await onward(message)

        try:
            await self._app(scope, receive, safely)
        except (OSError, WebSocketDisconnect):
            return  # the other side left
        except Exception as error:
            _log.error("%s: %r", scope["path"], error, exc_info=_log.isEnabledFor(logging.DEBUG))
            if not begun:
                await PlainTextResponse("internal error\n", 500)(scope, receive, safely)

    def _refusal(self, scope: Scope) -> Refusal | None:
        """Why this may not be asked; None: it may."""
        hosts = _header(scope, b"host")
        name = name_in(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            return Refusal(403, "a request names one Host")
        if not may_be_called(name, self._loopback, self._names):
            words = f"this server is not called {name[:80]}: use its address in figures"
            return Refusal(403, words)
        if scope["type"] == "websocket" or scope["method"] not in _READING:
            for origin in _header(scope, b"origin"):
                if not is_from_here(origin, hosts[0]):
                    return Refusal(403, f"pages of {origin[:80]} may not do this here")
        return self._door.refusal(scope) if self._door else None


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _dressed(send: Send, cookie: bytes | None = None) -> Send:
    """`send` with the headers that every answer has, and with a cookie on one to HTTP."""

    async def dressed(message: Message) -> None:
        kind = message["type"]
        if kind.endswith("http.response.start"):
            given = list(message.get("headers", ()))
            names = {key for key, _ in given}
            given += [each for each in HEADERS if each[0] not in names]
            if cookie and kind == "http.response.start":
                given.append((b"set-cookie", cookie))
            message = {**message, "headers": given}
        await send(message)

    return dressed
