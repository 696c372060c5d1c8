"""An OSCQuery client at the other end of a WebSocket: OSC to it as binary messages.

Threading: `send` and the properties from any thread; the rest belongs to the server's loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable

from bridge.osc.packet import encode
from bridge.row import Value

MAX_BACKLOG_BYTES = 256 * 1024
"""That wait for a slow client before it is dropped: seconds of all the feedback there is."""

Typed = Callable[[str, tuple[Value, ...]], tuple[Value, ...]]
"""The values of a message as the address's TYPE promises them."""


class SocketClient:
    """Keeps what any thread sends until the loop takes it."""

    def __init__(self, peer: str, typed: Typed) -> None:
        self._name = f"websocket {peer}"
        self._key = (self._name, id(self))
        self._typed = typed
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._gone = False
        self._woken = asyncio.Event()
        self.dropped = asyncio.Event()
        """Set when it was too slow for what it asked for."""

    @property
    def key(self) -> Hashable:
        return self._key

    @property
    def source(self) -> Hashable:
        return self._key

    @property
    def name(self) -> str:
        return self._name

    @property
    def gone(self) -> bool:
        return self._gone

    def to_port(self, port: int) -> SocketClient:
        return self

    def send(self, address: str, *args: Value) -> None:
        data = encode(address, self._typed(address, args))
        with self._lock:
            if self._gone:
                return
            first = not self._waiting
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._gone = self._waiting_bytes > MAX_BACKLOG_BYTES
            # The loop outlives every client that is not gone: `close` comes before its end.
            if self._gone:
                self._loop.call_soon_threadsafe(self.dropped.set)
            elif first:
                self._loop.call_soon_threadsafe(self._woken.set)

    async def take(self) -> list[bytes]:
        """What was sent since the last call, at least one message; waits for it."""
        await self._woken.wait()
        with self._lock:
            self._woken.clear()
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return waiting

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._gone = True
            self._waiting.clear()
