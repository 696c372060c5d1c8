"""Two small receivers, written from the specifications alone: they share nothing with the senders.

VBAN: VB-Audio, "VBAN Protocol Specifications". ReaStream: Cockos, reastream.txt.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

VBAN_RATES = {3: 48_000, 16: 44_100, 9: 32_000, 4: 96_000}
"""Those that the tests play at, by the index in a packet."""
_ROOM_BYTES = 8 << 20
"""Seconds of all sends, however busy the machine is."""
_SO_RCVBUFFORCE = 33  # Linux's, which Python's socket module lacks


@dataclass(frozen=True)
class Heard:
    """What one packet says."""

    name: str
    rate: int
    number: int
    """-1: packets of this protocol have none."""
    audio: np.ndarray
    """VBAN: int16 `[frames, 2]`; ReaStream: float32 `[frames, 2]`."""


def read_vban(packet: bytes) -> Heard:
    assert packet[:4] == b"VBAN"
    assert len(packet) <= 1464
    rate, frames, channels, form = packet[4:8]
    assert rate >> 5 == 0, "no audio"
    assert form == 1, "no 16-bit PCM"
    name, end, rest = packet[8:24].partition(b"\0")
    assert end
    assert not rest.strip(b"\0")
    samples = np.frombuffer(packet, "<i2", offset=28)
    assert len(samples) == (frames + 1) * (channels + 1)
    number = int.from_bytes(packet[24:28], "little")
    return Heard(name.decode(), VBAN_RATES[rate], number, samples.reshape(-1, channels + 1))


def read_reastream(packet: bytes) -> Heard:
    assert packet[:4] == b"MRSR"
    assert int.from_bytes(packet[4:8], "little") == len(packet)
    name, end, rest = packet[8:40].partition(b"\0")
    assert end
    assert not rest.strip(b"\0")
    channels, (rate, size) = packet[40], struct.unpack_from("<ih", packet, 41)
    assert size == len(packet) - 47 <= 1200
    samples = np.frombuffer(packet, "<f4", offset=47)
    return Heard(name.decode(), rate, -1, samples.reshape(channels, -1).T)


class Ear:
    """Listens on a port of the loopback of its own, on a thread of its own, until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        if sys.platform == "linux":
            with contextlib.suppress(PermissionError):  # an ordinary user gets 200 kB
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self.packets: list[bytes] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                self.packets.append(self._socket.recv(2048))
            except TimeoutError:
                continue

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sends(self) -> dict[str, list[Heard]]:
        """The packets that came, in their order, by the name of their send."""
        found = defaultdict(list)
        for packet in list(self.packets):
            heard = read_vban(packet) if packet[:4] == b"VBAN" else read_reastream(packet)
            found[heard.name].append(heard)
        return dict(found)


def joined(packets: list[Heard]) -> np.ndarray:
    """The audio of a send `[samples, 2]`; fails if a packet is missing or out of order."""
    numbers = [packet.number for packet in packets]
    if numbers[0] >= 0:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return np.concatenate([packet.audio for packet in packets])
