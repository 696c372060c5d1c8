"""Packets in a TCP stream: OSC 1.0's int32 length before each, or OSC 1.1's SLIP (RFC 1055).

The first byte tells which: SLIP begins with END (0xC0), which as a length would be negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bridge.osc.packet import BadPacket

MAX_FRAME = 1 << 20
"""Bytes in one packet: enough that a prompt which is far too long is told so by its address."""

_LENGTH = Struct(">i")
_END, _ESC, _ESC_END, _ESC_ESC = b"\xc0", b"\xdb", 0xDC, 0xDD


class Framer:
    """Cuts one connection's bytes into packets. Not thread-safe; one caller."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self.slip: bool | None = None
        """None until the first byte has come."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets that `data` completes, then BadPacket if the stream is beyond repair.

        Take them all before the next call.
        """
        self._buffer += data
        if self.slip is None and self._buffer:
            self.slip = self._buffer[:1] == _END
        return self._slip_frames() if self.slip else self._length_frames()

    def _length_frames(self) -> Iterator[bytes]:
        at = 0
        while len(self._buffer) - at >= 4:
            (size,) = _LENGTH.unpack_from(self._buffer, at)
            if not 0 < size <= MAX_FRAME:
                raise BadPacket(f"frame of {size} bytes, 1..{MAX_FRAME} are taken")
            if len(self._buffer) - at - 4 < size:
                break
            yield bytes(self._buffer[at + 4 : at + 4 + size])
            at += 4 + size
        del self._buffer[:at]

    def _slip_frames(self) -> Iterator[bytes]:
        at = 0
        while (end := self._buffer.find(_END, max(at, self._scanned))) >= 0:
            if end > at:  # two ENDs in a row enclose nothing
                yield _unescaped(bytes(self._buffer[at:end]))
            at = end + 1
        del self._buffer[:at]
        self._scanned = len(self._buffer)
        if self._scanned > 2 * MAX_FRAME:
            raise BadPacket(f"frame of more than {MAX_FRAME} bytes")

    def frame(self, packet: bytes) -> bytes:
        """`packet` framed as the other side frames its own."""
        if not self.slip:
            return _LENGTH.pack(len(packet)) + packet
        escaped = packet.replace(_ESC, b"\xdb\xdd").replace(_END, b"\xdb\xdc")
        return _END + escaped + _END


def _unescaped(frame: bytes) -> bytes:
    first, *rest = frame.split(_ESC)
    out = [first]
    for piece in rest:
        if piece[:1] not in (b"\xdc", b"\xdd"):
            raise BadPacket("a SLIP escape is followed by neither 0xDC nor 0xDD")
        out.append((_END if piece[0] == _ESC_END else _ESC) + piece[1:])
    packet = b"".join(out)
    if len(packet) > MAX_FRAME:
        raise BadPacket(f"frame of {len(packet)} bytes, 1..{MAX_FRAME} are taken")
    return packet
