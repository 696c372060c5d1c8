"""Whoever sent a message, as the rest of the bridge sees it: something to answer.

Threading: everything in a `Client` may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from bridge.row import Value


class Client(Protocol):
    @property
    def key(self) -> Hashable:
        """Equal for two objects that reach the same place."""

    @property
    def source(self) -> Hashable:
        """The `key` of the sender that this client came from: its own, or after `to_port` that
        of the one who asked."""

    @property
    def name(self) -> str:
        """For people: `udp 127.0.0.1:57120`."""

    @property
    def gone(self) -> bool:
        """Known not to listen any more."""

    def send(self, address: str, *args: Value) -> None:
        """One message. Never waits and never raises: what cannot be sent is lost."""

    def to_port(self, port: int) -> Client:
        """The same host at another UDP port (0: the same one); over a connection, itself."""
