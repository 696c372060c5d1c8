"""The UDP socket: datagrams in, answers out, and who no longer listens.

An answer leaves from the port that was asked, since hosts and routers drop what comes from
elsewhere. So there is one socket, not connected, and on such a socket most systems keep a
refusal (ICMP "port unreachable") to themselves. Linux tells through the socket's error queue
(IP_RECVERR), and a client that refuses `REFUSALS` times with no word in between counts as gone.
Elsewhere a UDP client is never known to be gone; the number of subscribers is bounded instead.

Threading: `send` and the clients from any thread; the rest from the server's thread only.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Hashable, Iterator
from typing import Any

from bridge.osc.packet import encode
from bridge.row import Value
from engine.errors import BadValue

REFUSALS = 3
"""A single one may be a host that is just starting anew."""

_BUFFER_BYTES = 4 << 20
"""What to ask the system for: at 10,000 messages a second, seconds of a busy machine."""
_KNOWN = 1024
"""Clients and refusals remembered, so that forged senders cannot fill the memory."""
_LARGEST = 65536
# Linux's names, which Python's socket module lacks.
_ERROR_QUEUE = 0x2000
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}

Peer = tuple[Any, ...]
"""An address as the socket gives it: host and port, and for IPv6 flow and scope."""


class UdpClient:
    """A host and port to answer, reached from the server's own port."""

    __slots__ = ("_key", "_peer", "_port", "_source")

    def __init__(self, port: UdpPort, peer: Peer, source: Hashable = None) -> None:
        self._port = port
        self._peer = peer
        self._key = ("udp", *peer)
        self._source = self._key if source is None else source

    @property
    def key(self) -> Hashable:
        return self._key

    @property
    def source(self) -> Hashable:
        return self._source

    @property
    def name(self) -> str:
        return f"udp {self._peer[0]}:{self._peer[1]}"

    @property
    def host(self) -> str:
        """Its IP address."""
        return str(self._peer[0])

    @property
    def gone(self) -> bool:
        return self._port.refuses(self._peer)

    def to_port(self, port: int) -> UdpClient:
        if port == 0:
            return self
        host, _, *rest = self._peer
        self._port.forgive((host, port, *rest))
        return UdpClient(self._port, (host, port, *rest), self._source)

    def send(self, address: str, *args: Value) -> None:
        self._port.send(encode(address, args), self._peer)


class UdpPort:
    """A bound UDP socket."""

    def __init__(self, bound: socket.socket) -> None:
        bound.setblocking(False)
        widen(bound)
        self.socket = bound
        self._tells = False
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                bound.setsockopt(*_RECVERR[bound.family], 1)
                self._tells = True
        self._clients: dict[Peer, UdpClient] = {}
        self._refused: dict[Peer, int] = {}

    def receive(self, most: int) -> Iterator[tuple[bytes, UdpClient]]:
        """What has come in, at most `most` datagrams. Does not wait."""
        for i in range(most):
            try:
                data, peer = self.socket.recvfrom(_LARGEST)
            except (BlockingIOError, InterruptedError):
                if i == 0:  # woken, but not by a datagram
                    self._read_refusals()
                return
            except OSError:  # a refusal of something sent earlier: no fault of this datagram
                self._read_refusals()
                continue
            if self._refused:
                self.forgive(peer)
            yield data, self._clients.get(peer) or self._client(peer)

    def _client(self, peer: Peer) -> UdpClient:
        if len(self._clients) >= _KNOWN:
            self._clients.clear()
        client = self._clients[peer] = UdpClient(self, peer)
        return client

    def client(self, host: str, port: int) -> UdpClient:
        """Whoever listens there, told from this port. Raises BadValue if there is no such host."""
        try:
            found = socket.getaddrinfo(host, port, self.socket.family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise BadValue(f"{host!r}: {error}") from None
        return UdpClient(self, found[0][4])

    def send(self, datagram: bytes, peer: Peer) -> None:
        # A refusal that an earlier datagram met is raised by the next send, whose own datagram
        # then has not left: once more, and again should another refusal slip in between.
        for _ in range(4):
            try:
                self.socket.sendto(datagram, peer)
                return
            except ConnectionError:
                continue
            except (OSError, OverflowError):  # full buffer, no route, too long, port 0
                return

    def refuses(self, peer: Peer) -> bool:
        return self._refused.get(peer, 0) >= REFUSALS

    def forgive(self, peer: Peer) -> None:
        """Whoever sends, or is named by one who sends, is there again."""
        self._refused.pop(peer, None)

    def _read_refusals(self) -> None:
        if sys.platform == "linux":
            while self._tells:
                try:
                    _, control, _, peer = self.socket.recvmsg(0, 512, _ERROR_QUEUE)
                except OSError:
                    return
                if len(self._refused) >= _KNOWN:
                    self._refused.clear()
                if any(_is_refusal(data) for _, _, data in control):
                    self._refused[peer] = self._refused.get(peer, 0) + 1


def _is_refusal(extended_error: bytes) -> bool:
    """Whether a `struct sock_extended_err` says that nobody listens there."""
    return int.from_bytes(extended_error[:4], sys.byteorder) == errno.ECONNREFUSED


def widen(udp: socket.socket) -> None:
    """Have the system keep more, and on macOS let datagrams of more than 9216 bytes out."""
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            udp.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER_BYTES)
