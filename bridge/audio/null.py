"""An output with no device behind it that consumes in real time all the same (`--output null`).

Threading: see `bridge.audio.output`. There is no thread here: what a device would have taken by
now is worked out from the clock at every call.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.time.clock import monotonic_s
from engine.api import Audio


class NullOutput:
    """Takes one block at every whole multiple of the block's duration since its start.

    A block that is not there when it is due leaves a gap: the clock's grid stays, the samples
    come one or more blocks later, and the gap counts as one xrun however long it is.
    """

    name = "null"
    channels = 2
    latency_s = 0.0
    failed = ""

    def __init__(self, rate: int, block: int, monotonic: Callable[[], float] = monotonic_s) -> None:
        self.rate = rate
        self.block = block
        self._monotonic = monotonic
        self._written = 0
        self._taken = 0
        self._xruns = 0
        self._start_s: float | None = None
        self._due = 0  # grid points that have passed
        self._last = -1  # the grid point at which the last block was taken
        self._starved = True  # waiting for a first block is no gap

    def start(self) -> None:
        self._start_s = self._monotonic()
        self._due = 0
        self._last = -1
        self._starved = True

    def stop(self) -> None:
        self._advance()
        self._start_s = None

    def write(self, audio: Audio) -> None:
        self._advance()
        self._written += len(audio)

    def buffered(self) -> int:
        self._advance()
        return self._written - self._taken

    def taken(self) -> tuple[int, float]:
        self._advance()
        if self._start_s is None:
            return self._taken, self._monotonic()
        return self._taken, self._start_s + self._last * self.block / self.rate

    @property
    def xruns(self) -> int:
        self._advance()
        return self._xruns

    @property
    def starved(self) -> int:
        return self.xruns

    def _advance(self) -> None:
        """Take every block that has fallen due since the last call, as far as there are any."""
        if self._start_s is None:
            return
        passed = int((self._monotonic() - self._start_s) * self.rate / self.block) + 1
        wanted = passed - self._due
        if wanted <= 0:
            return
        blocks = min(wanted, (self._written - self._taken) // self.block)
        if blocks:
            # Nothing is written between two calls, so the blocks that were there came first.
            self._last = self._due + blocks - 1
            self._taken += blocks * self.block
            self._starved = False
        if blocks < wanted and not self._starved:
            self._xruns += 1
            self._starved = True
        self._due = passed
