"""VBAN packets, as VB-Audio's "VBAN Protocol Specifications" (revision 10, 2022) lays them out.

Samples go out as 16-bit integers. All receivers take those: the small ones on microcontrollers take
nothing else, and PipeWire and vban2pipe expect them if nothing else is said. There is no dither:
a sample is rounded to the nearest step, so silence stays silent, and whoever compares finds each
sample within half a step.
"""

from __future__ import annotations

import struct

import numpy as np

from bridge.audio.sends.encoder import padded
from engine.api import Audio
from engine.errors import BadValue

PORT = 6980
NAME_LIMIT = 15
"""The field has 16 bytes; there are receivers that need one of them for an end."""
MOST_FRAMES = 256
"""Of a packet, by its 8-bit field. In 16-bit stereo that is 1024 bytes of at most 1436."""

_RATES = (
    6000, 12_000, 24_000, 48_000, 96_000, 192_000, 384_000,
    8000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000,
    11_025, 22_050, 44_100, 88_200, 176_400, 352_800, 705_600,
)  # fmt: skip
"""In the order of the specification: the place of a rate is its index."""
_CHANNELS = 2
_PCM_16 = 0x01
_HEADER = struct.Struct("<4sBBBB16sI")
_FULL_SCALE = 32768.0


class VbanEncoder:
    """Packets of one stereo send."""

    frames = MOST_FRAMES

    def __init__(self, name: str, rate: int) -> None:
        """Raises BadValue if the packets cannot tell of this name or rate."""
        self._name = padded(name, 16, NAME_LIMIT)
        if rate not in _RATES:
            known = ", ".join(str(each) for each in sorted(_RATES) if 8000 <= each <= 192_000)
            raise BadValue(f"VBAN knows no --rate {rate}; it does {known}")
        self._rate_index = _RATES.index(rate)

    def packet(self, number: int, audio: Audio) -> bytes:
        """Packet `number` of the send (modulo 2**32), of float32 `[1..256, 2]`."""
        steps = np.rint(audio * _FULL_SCALE).clip(-_FULL_SCALE, _FULL_SCALE - 1)
        header = _HEADER.pack(
            b"VBAN", self._rate_index, len(audio) - 1, _CHANNELS - 1, _PCM_16,
            self._name, number % 2**32,
        )  # fmt: skip
        samples: bytes = steps.astype("<i2").tobytes()
        return header + samples
