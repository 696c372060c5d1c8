"""uvicorn, made to fit: in a thread of ours, silent, without a tick, and hard to hold up.

Threading: the server's own thread; `end` is called on its loop.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import TimerHandle, Transport
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_CONNECTIONS = 64
"""One more is told 503, and closed."""
MAX_MESSAGE_BYTES = 64 * 1024
"""In one message over a WebSocket; the longest prompt there can be has a quarter of it."""
PATIENCE_S = 10.0
"""So long a connection may be open without a whole request coming in."""

_DRAIN_S = 2.0
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 21\r\n\r\ntoo many connections\n"
)


class _Http(H11Protocol):
    """Counts the connections, and closes what says nothing."""

    _seen: object = None
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= MAX_CONNECTIONS:
            self.transport = transport
            transport.write(_FULL)
            transport.close()
            return
        super().connection_made(transport)
        self._timer = self.loop.call_later(PATIENCE_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Whether there was a request since the last look; uvicorn itself waits for ever."""
        if self not in self.connections:  # a WebSocket by now
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is self._seen and (cycle is None or cycle.response_complete):
            self.transport.close()
            return
        self._seen = cycle
        self._timer = self.loop.call_later(PATIENCE_S, self._look)


class _Socket(WebSocketsSansIOProtocol):
    """Ends for good, even if the other side does not read what it is sent."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(_DRAIN_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()


class Listener(uvicorn.Server):
    """Serves an application until `end`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(uvicorn.Config(
            cast(Any, app), http=_Http, ws=_Socket, lifespan="off",
            ws_max_size=MAX_MESSAGE_BYTES, ws_per_message_deflate=False,
            log_config=None, log_level="critical", access_log=False,
            server_header=False, date_header=False, timeout_graceful_shutdown=1,
        ))  # fmt: skip
        self._ended = asyncio.Event()

    def end(self) -> None:
        self._ended.set()

    async def main_loop(self) -> None:
        """Without uvicorn's look every 0.1 s: idle means idle."""
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):  # that do not read their goodbye
            connection.transport.abort()
        await asyncio.sleep(0)
