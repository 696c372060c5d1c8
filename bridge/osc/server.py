"""The OSC server: one thread that receives over UDP and TCP, decodes, and hands on.

Threading: `start`, `close` and the counters may be used from any thread. The sink is called on
the server's own thread, in the order of arrival; answers are sent by whoever has them
(`Client.send`).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bridge.osc.client import Client
from bridge.osc.packet import BadPacket, Bundle, Message, decode
from bridge.osc.tcp import TcpClient
from bridge.osc.udp import UdpPort
from engine.errors import BadValue, SidemanError

PacketSink = Callable[[Message | Bundle, Client], None]

MAX_CONNECTIONS = 64

_TURN = 256
"""Datagrams taken before the connections get their turn."""
_READ_BYTES = 65536
_log = logging.getLogger(__name__)


class PortUnavailable(SidemanError):
    """A port that another program has, or a host that is not ours."""


@dataclass(slots=True)
class Further:
    """A further UDP port, with a sink of its own."""

    port: int
    """0 is any free one, until the server is started."""
    sink: PacketSink
    remedy: str
    """What to do if another program has it."""
    udp: UdpPort | None = None
    """Once the server is started."""


class OscServer:
    """Receives packets for `sink` from `start` until `close`.

    Port 0 is any free one; `tcp_port` None is no TCP. Whatever comes in, the thread lives on:
    what is no OSC is answered with `/error` and counted in `malformed`, and an exception out of
    the sink is logged, answered and counted in `failures`.
    """

    def __init__(self, sink: PacketSink, host: str, udp_port: int, tcp_port: int | None) -> None:
        self._sink = sink
        self._host = host
        self.udp_port = udp_port
        self.tcp_port = tcp_port
        self.received = 0
        self.malformed = 0
        self.failures = 0
        self._listener: socket.socket | None = None
        self._connections: set[TcpClient] = set()
        self._further: list[Further] = []
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="osc", daemon=True)

    def listen(self, port: int, sink: PacketSink, remedy: str) -> Further:
        """Receive at another UDP port, too, for `sink`; before `start`."""
        self._further.append(Further(port, sink, remedy))
        return self._further[-1]

    @property
    def udp(self) -> UdpPort:
        """The main UDP port, once the server is started."""
        return self._udp

    def start(self) -> None:
        """Bind the ports and begin. Raises PortUnavailable naming the one that is not to be had."""
        with contextlib.ExitStack() as undo:
            udp = undo.enter_context(bind(self._host, self.udp_port, socket.SOCK_DGRAM))
            self.udp_port = udp.getsockname()[1]
            if self.tcp_port is not None:
                listener = bind(self._host, self.tcp_port, socket.SOCK_STREAM)
                self._listener = undo.enter_context(listener)
                self.tcp_port = listener.getsockname()[1]
            for further in self._further:
                bound = bind(self._host, further.port, socket.SOCK_DGRAM, further.remedy)
                further.udp = UdpPort(undo.enter_context(bound))
                further.port = bound.getsockname()[1]
            undo.pop_all()
        self._udp = UdpPort(udp)
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Stop, and free the ports. Safe to call twice, and if it was never started."""
        self._closing = True
        if self._thread.is_alive():
            self._wake()
            self._thread.join()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it is gone
            self._waker.send(b"\0")

    # --- on the server's thread ---------------------------------------------------------------

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            for udp, sink in self._udp_ports():
                selector.register(udp.socket, selectors.EVENT_READ, self._udp_reader(udp, sink))
            selector.register(self._woken, selectors.EVENT_READ, self._read_waker)
            if self._listener:
                selector.register(self._listener, selectors.EVENT_READ, self._accept)
            while not self._closing:
                for key, events in selector.select():
                    try:
                        key.data(events)
                    except Exception as error:  # nothing on the wire may end this thread
                        self._failed("OSC server", error)
            for connection in tuple(self._connections):
                self._drop(connection)
        for udp, _ in self._udp_ports():
            udp.socket.close()
        for end in (self._listener, self._waker, self._woken):
            if end:
                end.close()

    def _udp_ports(self) -> list[tuple[UdpPort, PacketSink]]:
        further = ((further.udp, further.sink) for further in self._further)
        return [(self._udp, self._sink), *((udp, sink) for udp, sink in further if udp)]

    def _udp_reader(self, udp: UdpPort, sink: PacketSink) -> Callable[[int], None]:
        def read(_events: int) -> None:
            for datagram, client in udp.receive(_TURN):
                self._take(datagram, client, sink)

        return read

    def _take(self, packet: bytes, client: Client, sink: PacketSink) -> None:
        self.received += 1
        try:
            message = decode(packet)
        except BadPacket as error:
            self.malformed += 1
            client.send("/error", error.address, str(error))
            return
        try:
            sink(message, client)
        except Exception as error:
            address = message.address if isinstance(message, Message) else "#bundle"
            self._failed(f"{address} from {client.name}", error)
            client.send("/error", address, f"internal error: {error!r}")

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        _log.error("%s: %r", what, error, exc_info=_log.isEnabledFor(logging.DEBUG))

    def _read_waker(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        for connection in tuple(self._connections):
            self._settle(connection)

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        try:
            accepted, peer = self._listener.accept()
        except OSError:  # it left again, or there are no more descriptors
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            accepted.close()
            return
        connection = TcpClient(accepted, f"{peer[0]}:{peer[1]}", self._wake)
        self._connections.add(connection)
        self._selector.register(
            accepted, selectors.EVENT_READ, lambda events: self._serve(connection, events)
        )

    def _serve(self, connection: TcpClient, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.push()
        if events & selectors.EVENT_READ:
            self._read(connection)
        self._settle(connection)

    def _read(self, connection: TcpClient) -> None:
        try:
            data = connection.connection.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        try:
            for packet in connection.framer.feed(data):
                self._take(packet, connection, self._sink)
        except BadPacket as error:
            self.malformed += 1
            connection.send("/error", error.address, str(error))
            data = b""
        if not data:
            self._drop(connection)

    def _settle(self, connection: TcpClient) -> None:
        """Drop a connection that has failed, else wait for what it needs next."""
        if connection not in self._connections:
            return
        if connection.gone:
            self._drop(connection)
            return
        key = self._selector.get_key(connection.connection)
        write = selectors.EVENT_WRITE if connection.waiting else 0
        if key.events != selectors.EVENT_READ | write:
            self._selector.modify(connection.connection, selectors.EVENT_READ | write, key.data)

    def _drop(self, connection: TcpClient) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.connection)
        connection.close()


def bind(
    host: str,
    port: int,
    kind: socket.SocketKind,
    remedy: str = "--osc HOST:PORT",
    what: str = "",
) -> socket.socket:
    """A socket bound to the port. Raises BadValue or PortUnavailable, saying which flag helps."""
    name = what or ("OSC UDP" if kind is socket.SOCK_DGRAM else "OSC TCP")
    if not 0 <= port <= 65535:
        raise BadValue(f"{what or 'OSC'} port {port} is out of range 0..65535; set {remedy}")
    try:
        found = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)
        # `localhost` is ::1 first on many systems, and OSC programs send to 127.0.0.1.
        family, *_, where = min(found, key=lambda each: each[0] != socket.AF_INET)
        bound = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise PortUnavailable(
            f"{what or 'OSC'} host {host!r} port {port}: {error}; set {remedy}"
        ) from None
    try:
        _share_with_nobody(bound, kind)
        bound.bind(where)
        if kind is socket.SOCK_STREAM:
            bound.listen()
            bound.setblocking(False)
    except OSError as error:
        bound.close()
        why = _why(error, remedy)
        raise PortUnavailable(f"{name} port {port} on {host!r} {why}") from None
    return bound


def _share_with_nobody(bound: socket.socket, kind: socket.SocketKind) -> None:
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets others in without it
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif kind is socket.SOCK_STREAM:  # a port left seconds ago is free; one in use is still not
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _why(error: OSError, remedy: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"is in use by another program: end it, or choose another with {remedy}"
    return f"cannot be opened ({error.strerror}): choose another with {remedy}"
