"""One OSC connection over TCP.

Threading: `send` and the properties from any thread; the rest from the server's thread only.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Hashable

from bridge.osc.framing import Framer
from bridge.osc.packet import encode
from bridge.row import Value

MAX_BACKLOG = 1 << 20
"""Bytes that wait for a slow client before it is dropped: seconds of all the feedback there is."""


class TcpClient:
    """Answers in the framing that the other side chose with its first byte."""

    def __init__(self, connection: socket.socket, peer: str, wake: Callable[[], None]) -> None:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # gone already: the first read will tell
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a pulled cable
        self.connection = connection
        self.framer = Framer()
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._gone = False
        self._name = f"tcp {peer}"
        self._key = ("tcp", peer, id(self))

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

    def to_port(self, port: int) -> TcpClient:
        return self

    def send(self, address: str, *args: Value) -> None:
        data = self.framer.frame(encode(address, args))
        with self._lock:
            if self._gone:
                return
            self._waiting += data
            self._push()
            left = bool(self._waiting)
        if left or self._gone:
            self._wake()

    @property
    def waiting(self) -> bool:
        """Whether the server's thread should push on once the socket takes more."""
        return bool(self._waiting)

    def push(self) -> None:
        """Send on what waits."""
        with self._lock:
            self._push()

    def _push(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: self.connection.send(self._waiting)]
        except (BlockingIOError, InterruptedError):
            self._gone = self._gone or len(self._waiting) > MAX_BACKLOG
        except OSError:
            self._gone = True

    def close(self) -> None:
        with self._lock:
            self._gone = True
            self._waiting.clear()
            self.connection.close()
