"""One send's way out: which packet is next, when it is due, and its socket.

Threading: one thread owns a send.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.audio.line import AudioLine
from bridge.audio.sends.target import Route
from bridge.clocks.line import Device
from engine.errors import BadValue

LATE_S = 0.05
"""A packet that is later than this has been missed: receivers have long played something else."""
CATCH_UP = 0.5
"""The share of a packet's own length that at least lies between two: what is late comes at twice
the pace and never all at once, as receivers hold little more than they need."""
_POLL_S = 0.001
"""To look again for audio that is late."""

Peer = tuple[Any, ...]
"""An address as the socket wants it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host's name leads."""

    family: int
    peer: Peer


def resolve(host: str, port: int) -> Place:
    """Raises BadValue if the host cannot be found."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:  # a part of the name may be too long for IDNA
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadValue(
            f"--output: the host {host!r} is not known ({reason}): check its name,"
            " or give its IP address"
        ) from error
    # The receivers that there are listen on IPv4 unless told otherwise.
    family, _, _, _, peer = min(found, key=lambda each: each[0] != socket.AF_INET)
    return Place(family, peer)


class Wire(Protocol):
    """What is needed of a socket."""

    def sendto(self, data: bytes, peer: Peer, /) -> int: ...

    def close(self) -> None: ...


def open_wire(place: Place) -> Wire:
    """A socket that never waits. Raises OSError."""
    wire = socket.socket(place.family, socket.SOCK_DGRAM)
    wire.setblocking(False)
    if place.family == socket.AF_INET:
        # So that a subnet's broadcast address can be given, as ReaStream itself uses it.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return wire


class Send:
    """Cuts its columns of the mix into packets, and sends each when it is due."""

    def __init__(
        self, route: Route, rate: int, place: Place, wire: Wire, notify: Callable[[str], None]
    ) -> None:
        self.label = route.label
        self.sent = 0
        self.dropped = 0
        """Packets that never left: too late, or refused by the system."""
        self._encoder = route.encoder
        self._columns = slice(route.column, route.column + 2)
        self._packet_s = route.encoder.frames / rate
        self._peer = place.peer
        self._wire = wire
        self._notify = notify
        self._told = False
        self._number = 0
        self._next: int | None = None  # the session's sample with which the next packet begins
        self._rested_s = -math.inf  # not before this, for the last one's sake

    def close(self) -> None:
        self._wire.close()

    def step(self, now_s: float, device: Device, line: AudioLine) -> float:
        """Send the next packet if it is due. Returns for how many seconds there is nothing to do.

        `line` has the mix, by the session's samples; `device` takes its sample at a time, and then
        the packet that begins with it is due.
        """
        if self._next is None:
            self._next = line.start
        self._drop_late(device, line)
        due_s = max(device.time_at(self._next), self._rested_s)
        if due_s > now_s:
            return due_s - now_s
        if not self.ready(line):
            return _POLL_S
        audio = line.read(self._next, self._encoder.frames)[:, self._columns]
        self._send(self._encoder.packet(self._number, audio))
        self._advance(1)
        self._rested_s = now_s + CATCH_UP * self._packet_s
        return max(device.time_at(self._next), self._rested_s) - now_s

    def ready(self, line: AudioLine) -> bool:
        """Whether there is all of the next packet."""
        return self._next is not None and line.end >= self._next + self._encoder.frames

    def _advance(self, packets: int) -> None:
        assert self._next is not None
        self._next += packets * self._encoder.frames
        # What is dropped has its number, too: a receiver sees how much is missing.
        self._number += packets

    def _drop_late(self, device: Device, line: AudioLine) -> None:
        """Leave out what can no longer be used, or is no longer there.

        What counts is what the device has taken, not what it would have: after a stall of the
        conductor's the device waits for the same samples as we do.
        """
        assert self._next is not None
        late = device.sample - round(LATE_S * device.rate) - self._next
        missing = max(late, line.start - self._next)
        if missing > 0:
            packets = math.ceil(missing / self._encoder.frames)
            self._advance(packets)
            self._lose(packets, "this machine was too busy to send in time")

    def _send(self, packet: bytes) -> None:
        try:
            self._wire.sendto(packet, self._peer)
        except BlockingIOError:
            self._lose(1, "the network takes no more")
        except OSError as error:
            self._lose(1, error.strerror or str(error))
        else:
            self.sent += 1

    def _lose(self, packets: int, reason: str) -> None:
        self.dropped += packets
        if not self._told:
            self._told = True
            self._notify(f"output {self.label}: {reason}; some of it is missing there")
