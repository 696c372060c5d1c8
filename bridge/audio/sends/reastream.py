"""ReaStream packets, as Cockos's note on the format of their plug-in (reastream.txt) has them.

Samples go out as they are, in 32-bit float. A packet has no number: a receiver plays what comes in
the order in which it comes.
"""

from __future__ import annotations

import struct

import numpy as np

from bridge.audio.sends.encoder import padded
from engine.api import Audio

PORT = 58710
NAME_LIMIT = 31
"""The field has 32 bytes, of which the last is always 0."""

_CHANNELS = 2
_MOST_BYTES = 1200
"""Of the samples of a packet, all channels together."""
_HEADER = struct.Struct("<4si32sBih")


class ReaStreamEncoder:
    """Packets of one stereo send."""

    frames = _MOST_BYTES // (4 * _CHANNELS)

    def __init__(self, name: str, rate: int) -> None:
        """Raises BadValue if the packets cannot tell of this name. Any rate will do."""
        self._name = padded(name, 32, NAME_LIMIT)
        self._rate = rate

    def packet(self, _number: int, audio: Audio) -> bytes:
        """A packet of float32 `[1..150, 2]`: all of the left channel, then all of the right."""
        samples = np.ascontiguousarray(audio.T, "<f4").tobytes()
        size = _HEADER.size + len(samples)
        header = _HEADER.pack(b"MRSR", size, self._name, _CHANNELS, self._rate, len(samples))
        return header + samples
