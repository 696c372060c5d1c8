"""What the sender needs of a protocol: how many frames a packet has, and its bytes."""

from __future__ import annotations

from typing import Protocol

from engine.api import Audio
from engine.errors import BadValue


class Encoder(Protocol):
    @property
    def frames(self) -> int:
        """Samples of each channel in a packet."""

    def packet(self, number: int, audio: Audio) -> bytes:
        """Packet `number` of the send, counted from 0, of float32 `[frames, 2]`."""


def padded(name: str, size: int, limit: int) -> bytes:
    """A send's name as a field of `size` bytes, filled up with zeros.

    Raises BadValue unless it is 1 to `limit` printable characters of ASCII.
    """
    if not 1 <= len(name) <= limit or not name.isascii() or not name.isprintable():
        raise BadValue(
            f"an output cannot be named {name!r}: 1 to {limit} printable ASCII"
            " characters, for example sideman"
        )
    return name.encode("ascii").ljust(size, b"\0")
