"""What comes in at one port, brought into our words before it is looked up in the table.

Threading: the OSC server's thread; a `Speaker` may be answered from any.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from bridge.dialects.host import Host
from bridge.osc.client import Client
from bridge.osc.packet import Bundle, Message
from bridge.osc.server import PacketSink
from bridge.osc.udp import UdpClient
from bridge.row import Value
from bridge.table import Table


class Speaker:
    """Whoever sent a packet in a dialect. It is answered where it sent from, as anybody is, but an
    error names the address that it used itself."""

    __slots__ = ("_client", "_host", "_names")

    def __init__(self, client: Client, host: Host | None, names: dict[str, str]) -> None:
        """`host` if it was the host itself that spoke; `names`: our addresses in its words."""
        self._client = client
        self._host = host
        self._names = names

    @property
    def host(self) -> Host | None:
        return self._host

    @property
    def key(self) -> Hashable:
        return self._client.key if self._host is None else self._host.key

    @property
    def source(self) -> Hashable:
        return self._client.source if self._host is None else self._host.key

    @property
    def name(self) -> str:
        return self._client.name

    @property
    def gone(self) -> bool:
        return self._client.gone

    def to_port(self, port: int) -> Client:
        return self._client.to_port(port)

    def send(self, address: str, *args: Value) -> None:
        if address == "/error" and args and isinstance(args[0], str):
            args = (self._names.get(args[0], args[0]), *args[1:])
        self._client.send(address, *args)


class Interpreter:
    """Stands before `sink`, and understands `hosts`, of which the first that has a rule decides."""

    def __init__(self, hosts: Sequence[Host], sink: PacketSink, table: Table | None = None) -> None:
        """`table`: this is the port for everybody, where a host that has a port of its own is
        understood only in what the table does not know. Without, nobody but the one host sends
        here."""
        self._hosts = tuple(hosts)
        self._sink = sink
        self._table = table

    def packet(self, packet: Message | Bundle, client: Client) -> None:
        names: dict[str, str] = {}
        spoke: list[Host] = list(self._hosts) if self._table is None else []
        meant = self._read(packet, names, spoke)
        if meant is None:
            return
        if spoke:
            client = Speaker(client, self._itself(spoke[0], client), names)
        self._sink(meant, client)

    def _itself(self, host: Host, client: Client) -> Host | None:
        """The host, if it was that and not somebody else who uses its words. It may send from any
        port, but from the machine that it is on."""
        if self._table is None or (isinstance(client, UdpClient) and host.is_at(client.host)):
            return host
        return None

    def _read(
        self, packet: Message | Bundle, names: dict[str, str], spoke: list[Host]
    ) -> Message | Bundle | None:
        """The packet in our words, or None if there is nothing in it to do."""
        if isinstance(packet, Message):
            return self._message(packet, names, spoke)
        read = (self._read(element, names, spoke) for element in packet.elements)
        elements = tuple(element for element in read if element is not None)
        return Bundle(packet.timetag, elements) if elements else None

    def _message(
        self, message: Message, names: dict[str, str], spoke: list[Host]
    ) -> Message | None:
        for host in self._hosts:
            if not self._listens(host, message.address):
                continue
            understood = host.understand(message)
            if understood is None or (self._table and understood[0].for_all):
                continue  # what is nobody's here has an answer
            spoke.append(host)
            meant = understood[1]
            if meant is not None:
                names[meant.address] = message.address
            return meant
        return message

    def _listens(self, host: Host, address: str) -> bool:
        """Whether the message may be in this host's words: elsewhere than at its own port, words
        that are ours as well mean what they mean to everybody."""
        if self._table is None or host.dialect.listen is None:
            return True
        return self._table.row(address) is None
