"""A small OSC client over UDP: for `sideman send`, the demo, the benchmarks and the tests.

Threading: one thread owns a sender.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from pythonosc.osc_message_builder import build_msg

from bridge.osc.packet import BadPacket, Bundle, Message, decode
from bridge.osc.udp import widen
from bridge.row import Value
from bridge.time.clock import monotonic_s
from engine.errors import BadValue, SidemanError

_MAX_BYTES = 65536


class NoServer(SidemanError):
    """Nobody listens at that port."""


class Sender:
    """Sends messages to one server, and reads what comes back."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        widen(self._socket)
        self._where = f"{host}:{port}"
        try:
            self._socket.connect((host, port))
        except OSError as error:
            self._socket.close()
            raise NoServer(f"cannot reach {self._where}: {error.strerror}") from None

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, address: str, *args: Value) -> None:
        """One message. Raises BadValue if `address` is none."""
        if not address.startswith("/"):
            raise BadValue(f"{address!r} is no OSC address: it begins with /, as in /deck/1/play")
        self.send_packet(build_msg(address, list(args)).dgram)

    def send_packet(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except ConnectionError:
            raise self._nobody() from None

    def replies(self, wait_s: float) -> Iterator[tuple[str, tuple[Value, ...]]]:
        """Every message that arrives within `wait_s` seconds from now."""
        until_s = monotonic_s() + wait_s
        while (left_s := until_s - monotonic_s()) > 0:
            self._socket.settimeout(left_s)
            try:
                yield from _messages(decode(self._socket.recv(_MAX_BYTES)))
            except TimeoutError:
                return
            except ConnectionError:
                raise self._nobody() from None
            except BadPacket:
                continue

    def wait_for(self, address: str, wait_s: float = 10.0) -> tuple[Value, ...]:
        """The arguments of the next message to `address`. Raises NoServer if none comes."""
        for got, values in self.replies(wait_s):
            if got == address:
                return values
        raise NoServer(f"{self._where} did not answer {address} within {wait_s:g} s")

    def ask(self, address: str, *args: Value, answer: str = "") -> tuple[Value, ...]:
        """Send, and wait for the answer, on the same address if no other is named."""
        self.send(address, *args)
        return self.wait_for(answer or address)

    def _nobody(self) -> NoServer:
        return NoServer(f"no server answers at {self._where}: start one with sideman serve")


def _messages(packet: Message | Bundle) -> Iterator[tuple[str, tuple[Value, ...]]]:
    if isinstance(packet, Message):
        yield packet.address, packet.args
    else:
        for element in packet.elements:
            yield from _messages(element)
