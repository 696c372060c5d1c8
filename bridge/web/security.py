"""Who may ask: the checks before every request, and the headers on every answer.

A page of any site may send requests to a program on its visitor's machine, and a site whose name
is made to point there ("DNS rebinding") may even read the answers. So the Host of a request must
be a name that belongs to this server: on loopback one of loopback's, beyond it any address in
figures (which no site can take for its own) or a name of this machine. A WebSocket, which pages
of all sites may open, is refused to one that did not come from here (Origin).
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

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""For answers that do not bring their own."""

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
    """Lets to `app` only what may reach it, and no error out of it."""

    def __init__(self, app: ASGIApp, loopback: bool, names: frozenset[str]) -> None:
        self._app = app
        self._loopback = loopback
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def safely(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(_with_headers(message))

        refusal = self._refusal(scope)
        if refusal:
            await PlainTextResponse(f"{refusal}\n", 403)(scope, receive, safely)
            return
        try:
            await self._app(scope, receive, safely)
        except (OSError, WebSocketDisconnect):
            return  # the other side left
        except Exception as error:
            _log.error("%s: %r", scope["path"], error, exc_info=_log.isEnabledFor(logging.DEBUG))
            if not begun:
                await PlainTextResponse("internal error\n", 500)(scope, receive, safely)

    def _refusal(self, scope: Scope) -> str:
        """Why this may not be asked; empty: it may."""
        hosts = _header(scope, b"host")
        name = name_in(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            return "a request names one Host"
        if not may_be_called(name, self._loopback, self._names):
            return f"this server is not called {name[:80]}: use its address in figures"
        if scope["type"] == "websocket":
            for origin in _header(scope, b"origin"):
                if not is_from_here(origin, hosts[0]):
                    return f"pages of {origin[:80]} may not open this socket"
        return ""


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _with_headers(message: Message) -> Message:
    if not message["type"].endswith("http.response.start"):
        return message
    given = list(message.get("headers", ()))
    names = {key for key, _ in given}
    return {**message, "headers": [*given, *(h for h in HEADERS if h[0] not in names)]}
