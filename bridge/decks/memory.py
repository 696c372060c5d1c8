"""What was played, kept for a while: what captures and held loops are cut from.

Threading: one thread writes. Any other may read at the same time, as long as it keeps away from
what is about to fall out of the memory; a read that was overtaken all the same says so.
"""

from __future__ import annotations

import numpy as np

from bridge.audio.line import AudioLine
from engine.api import Audio
from engine.errors import BadValue

REMEMBER_S = 256.0
"""64 bars of 4/4 at 60 BPM."""
SHORT_S = 26.0
"""Two bars of 4/4 at 20 BPM: for who asks for no more."""
_MARGIN_S = 10.0
"""Kept beyond that: so long may a reader take."""
_SLICE_S = 0.5
"""Read and made ready at a time: other threads get the interpreter in between."""
_AHEAD_S = 2.0
"""Memory is made ready no nearer to the writer than this."""


class Memory:
    """The last `seconds` of one continuous piece of audio, in memory of fixed size."""

    def __init__(self, rate: int, seconds: float = SHORT_S, channels: int = 2) -> None:
        self.seconds = seconds
        self._rate = rate
        self._line = AudioLine(round((seconds + _MARGIN_S) * rate), channels, ready=False)
        self._remembered = round(seconds * rate)
        self._channels = channels
        self.first: int | None = None
        """The first sample that was not silence by intent."""
        self.last = 0
        """One past the last such sample."""

    @property
    def start(self) -> int:
        """The oldest sample that may be asked for."""
        return max(self._line.start, self._line.end - self._remembered)

    def prepare(self) -> None:
        """Have the system find all of the memory, before the writer needs it: on another thread,
        soon after the writer has begun."""
        step = round(_SLICE_S * self._rate)
        ahead = round(_AHEAD_S * self._rate)
        for first in range(0, self._line.capacity, step):
            if first > self._line.end + ahead:
                self._line.make_ready(first, step)

    def write(self, at: int, audio: Audio) -> None:
        """float32 `[samples, channels]` was played from `at` on, where the last one ended."""
        if self.first is None:
            self.first = at
        self._line.write(at, audio)
        self.last = at + len(audio)

    def rest(self, until: int) -> None:
        """Nothing was played up to sample `until`."""
        self._line.write(until, np.zeros((0, self._channels), np.float32))

    def read(self, first: int, last: int) -> Audio:
        """A copy of `first` up to `last`, float32 `[last - first, channels]`; silence for what was
        not played or is long forgotten.

        Raises BadValue if the memory was overtaken meanwhile.
        """
        out = np.zeros((last - first, self._channels), np.float32)
        known = max(first, self._line.start)
        step = round(_SLICE_S * self._rate)
        for at in range(known, last, step):
            n = min(step, last - at)
            out[at - first : at - first + n] = self._line.read(at, n)
        if self._line.start > known:
            raise BadValue("what was asked for is not remembered any more: ask again, for less")
        return out
