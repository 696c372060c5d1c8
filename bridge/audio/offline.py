"""An output that takes everything at once and keeps it: for renders, demos and tests.

Threading: see `bridge.audio.output`.
"""

from __future__ import annotations

import numpy as np

from engine.api import Audio


class OfflineOutput:
    """As fast as it is written to; its clock is the audio itself and starts at 0."""

    name = "offline"
    channels = 2
    latency_s = 0.0
    xruns = 0
    starved = 0
    failed = ""

    def __init__(self, rate: int, block: int) -> None:
        self.rate = rate
        self.block = block
        self._parts: list[Audio] = []
        self._written = 0

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""

    def write(self, audio: Audio) -> None:
        self._parts.append(audio.copy())
        self._written += len(audio)

    def buffered(self) -> int:
        return 0

    def taken(self) -> tuple[int, float]:
        return self._written, self._written / self.rate

    def audio(self) -> Audio:
        """All that was written, float32 `[samples, 2]`."""
        if not self._parts:
            return np.zeros((0, self.channels), np.float32)
        return np.concatenate(self._parts)
