"""A server with everything but music behind it, and peers to talk to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bridge.dispatch import Batch, Dispatcher
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.osc.packet import Bundle, Message, decode, encode
from bridge.osc.server import OscServer
from bridge.row import Access, Value
from bridge.state import State
from bridge.table import Request, Table
from bridge.time.clock import SystemClock

DEADLINE_S = 20.0
"""How long a test waits for what must come; only a failing one waits so long."""


def until(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait until `condition` holds, or fail."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain for {what}"
        time.sleep(0.002)


class Conductor:
    """Stands in for the real one: keeps values, answers reads, subscribes. Any thread."""

    def __init__(self, state: State, feedback: Feedback) -> None:
        self.state = state
        self.feedback = feedback
        self.batches: list[Batch] = []
        self.full = False
        self._lock = threading.Lock()

    def submit(self, batch: Batch) -> bool:
        if self.full:
            return False
        with self._lock:
            self.batches.append(batch)
            for request in batch.requests:
                self._do(request, batch.client)
        return True

    def _do(self, request: Request, client: Client | None) -> None:
        path, values = request.path, request.values
        if path == "/subscribe" and client is not None:
            port, max_hz = (*values, None, None)[:2]
            target = client.to_port(port) if isinstance(port, int) else client
            self.feedback.subscribe(target, max_hz if isinstance(max_hz, float) else None)
        elif path == "/unsubscribe" and client is not None:
            self.feedback.unsubscribe(client)
        elif path in _ANSWERS and client is not None:
            client.send(_ANSWERS[path], *values)
        elif request.reads and client is not None:
            client.send(path, *(self.state.get(path) or ()))
        elif request.row.access is Access.SWITCH and not values:
            self.state.set(path, self.state.get(path) != (True,))
        elif request.row.access in (Access.VALUE, Access.SWITCH):
            self.state.set(path, *values)


_ANSWERS = {"/ping": "/pong", "/sync": "/synced"}


class Bridge:
    """The OSC side of a real bridge around that conductor; a context manager."""

    def __init__(self, host: str = "127.0.0.1", decks: int = 4) -> None:
        self.state = State()
        self.feedback = Feedback(self.state)
        self.conductor = Conductor(self.state, self.feedback)
        self.dispatcher = Dispatcher(
            Table(decks), self.conductor.submit, SystemClock(), self.feedback.touched
        )
        self.server = OscServer(self.dispatcher.packet, host, 0, 0)

    def tell_until_left(self, count: int) -> None:
        """Change a value until so many subscribers are left: who is gone shows when told."""
        value = iter(range(10**9))

        def left() -> bool:
            self.state.set("/position", float(next(value)))
            return len(self.feedback.clients) == count

        until(left, f"{count} subscribers")

    def __enter__(self) -> Self:
        self.server.start()
        self.feedback.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.close()
        self.feedback.close()


class Peer:
    """A UDP client of the server at `port`."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((host, port))

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def send(self, address: str, *args: Value) -> None:
        self.socket.send(encode(address, args))

    def receive(self) -> Message:
        message = decode(self.socket.recv(65536))
        assert isinstance(message, Message)
        return message

    def ask(self, address: str, *args: Value) -> Message:
        self.send(address, *args)
        return self.receive()

    def read_until(self, address: str) -> Message:
        """Skip what is of other addresses."""
        while (message := self.receive()).address != address:
            pass
        return message

    def close(self) -> None:
        self.socket.close()


@contextmanager
def peer(port: int, host: str = "127.0.0.1") -> Iterator[Peer]:
    it = Peer(port, host)
    try:
        yield it
    finally:
        it.close()


class Recorder:
    """A client in memory: remembers what it is sent."""

    def __init__(self, key: str = "recorder") -> None:
        self.key = key
        self.source = key
        self.name = key
        self.gone = False
        self.sent: list[Message] = []

    def send(self, address: str, *args: Value) -> None:
        self.sent.append(Message(address, args))

    def to_port(self, port: int) -> Recorder:
        derived = Recorder(f"{self.key}:{port}")
        derived.source = self.source
        return derived

    @property
    def errors(self) -> list[tuple[Value, ...]]:
        return [message.args for message in self.sent if message.address == "/error"]


class FakeClock:
    """Stands still until it is moved. Its NTP seconds are its monotonic ones."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def from_ntp(self, timetag: int) -> float:
        return timetag / 2**32

    def timetag(self, in_s: float) -> int:
        return int((self.now_s + in_s) * 2**32)


def flat(packet: Message | Bundle) -> list[Message]:
    """All messages of a packet."""
    if isinstance(packet, Message):
        return [packet]
    return [message for element in packet.elements for message in flat(element)]
