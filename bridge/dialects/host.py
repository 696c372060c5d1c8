"""A host that speaks a dialect, as the rest of the bridge sees it: a client that is told changes in
its own words, from the port that it sends to.

A host is told what differs from what it knows. It knows what was there when we started: a project
in a DAW must not be turned upside down by the start of a server. And it knows what it said itself,
in the value that came of it here: a fader that it pulled to -150 dB is at -60 here, which is no
news, and a transport that it started must not be started by us once more.

Threading: `send` is called on the feedback's thread, `agree` and `understand` on the server's.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Iterable

from bridge.config import host_and_port
from bridge.dialects.model import Dialect, Rule
from bridge.dialects.rules import Rules
from bridge.osc.packet import Message
from bridge.osc.udp import UdpClient, UdpPort
from bridge.row import Access, Value
from bridge.table import Request, Table
from engine.errors import BadValue

_REL, _ABS = 1e-6, 5e-6
"""Numbers this close are the same: the wire carries 32-bit floats."""
_SAID = 4096
"""Addresses whose last words are kept, so that one that counts up cannot fill the memory."""
_STARTS, _STOPS = ("play", "continue"), "stop"
"""The last parts of triggers that set `play` beside them."""

Values = tuple[Value, ...]


class Host:
    """One host, by its dialect."""

    def __init__(self, dialect: Dialect, table: Table) -> None:
        self.dialect = dialect
        self._table = table
        self._heard = Rules(dialect.heard, frozenset(table).__contains__)
        self._told = Rules(dialect.told)
        self._client: UdpClient | None = None
        self._lock = threading.Lock()
        self._known: dict[str, Values] = {}
        self._said: dict[str, Values] = {}

    def connect(self, port: UdpPort) -> None:
        """Tell it from this port. Raises BadValue if its host cannot be reached from there."""
        if not self.dialect.host:
            return
        where = f"--dialect: {self.dialect.name} at {self.dialect.host}"
        try:
            client = port.client(*host_and_port(self.dialect.host))
        except BadValue as error:
            raise BadValue(f"{where}: {error}") from None
        own = str(port.socket.getsockname()[0])
        if _is_loopback(own) and not _is_loopback(client.host):
            raise BadValue(f"{where} cannot be reached from {own}: add --osc 0.0.0.0:9740")
        self._client = client

    # --- what the feedback sees: a client -------------------------------------------------------

    @property
    def key(self) -> Hashable:
        return ("dialect", self.dialect.name, self.dialect.host, id(self))

    @property
    def source(self) -> Hashable:
        return self.key

    @property
    def name(self) -> str:
        return f"{self.dialect.name} {self.dialect.host}".rstrip()

    @property
    def gone(self) -> bool:
        return False  # hosts are started later than we are, and again

    def to_port(self, port: int) -> Host:
        return self

    def send(self, address: str, *args: Value) -> None:
        """A change of our state, or an event."""
        row = self._table.row(address)
        if row is not None and row.access is not Access.OUT and not self._is_news(address, args):
            return
        told = self._told.translate(address, args)
        if told is not None and told[1] is not None:
            self.say([(told[1].address, told[1].args)])

    # --- the host itself ------------------------------------------------------------------------

    def say(self, messages: Iterable[tuple[str, Values]]) -> None:
        """Messages in its own words."""
        if self._client is not None:
            for address, args in messages:
                self._client.send(address, *args)

    def is_at(self, ip: str) -> bool:
        """Whether that is its address; any of loopback's is any other."""
        if self._client is None:
            return False
        return ip == self._client.host or (_is_loopback(ip) and _is_loopback(self._client.host))

    def understand(self, message: Message) -> tuple[Rule, Message | None] | None:
        """What it means in our words; see `Rules.translate`."""
        understood = self._heard.translate(message.address, message.args)
        if understood is None or not understood[0].changes or self._differs(message):
            return understood
        return understood[0], None

    def _differs(self, message: Message) -> bool:
        """Whether it has said something else at this address before."""
        if len(self._said) >= _SAID:
            self._said.clear()
        said = self._said.get(message.address)
        self._said[message.address] = message.args
        return said is not None and said != message.args

    def know(self, state: Iterable[tuple[str, Values]]) -> None:
        """It need not be told of these."""
        with self._lock:
            self._known.update(state)

    def agree(self, request: Request) -> None:
        """It has said this itself, so it knows what comes of it."""
        head, _, word = request.path.rpartition("/")
        with self._lock:
            if request.row.access is Access.TRIGGER:
                if word in _STARTS or word == _STOPS:
                    self._known[f"{head}/play"] = (int(word != _STOPS),)
            elif request.values:
                self._known[request.path] = request.values
            elif request.row.access is Access.SWITCH:
                self._known.pop(request.path, None)  # toggled: it does not know to what

    def _is_news(self, address: str, args: Values) -> bool:
        with self._lock:
            known = self._known.get(address)
            self._known[address] = args
        return known is None or len(known) != len(args) or not all(map(_same, known, args))


def _same(a: Value, b: Value) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=_REL, abs_tol=_ABS)
    return a == b


def _is_loopback(ip: str) -> bool:
    return ip.startswith("127.") or ip == "::1"
