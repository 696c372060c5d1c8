"""A circular audio buffer addressed by absolute sample: what a deck plays from.

Threading: one thread owns a line.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.api import Audio


class AudioLine:
    """Remembers the last `capacity` samples of one growing piece of audio.

    Valid samples are `start <= sample < end`. The future may be written over (a splice) or
    forgotten; the past falls out at the far end as new samples come in.
    """

    def __init__(self, capacity: int, channels: int, *, ready: bool = True) -> None:
        """Without `ready` the memory is not found before it is written to, or `make_ready`."""
        self._ring = np.empty((capacity, channels), np.float32)
        if ready:
            self.make_ready(0, capacity)
        self._start = 0
        self._end = 0

    def make_ready(self, at: int, samples: int) -> None:
        """Have the system find memory for this part of the ring, which nothing is held in: at first
        use it may take 5 ms for each 2 MB."""
        self._ring[at : at + samples] = 0.0

    @property
    def capacity(self) -> int:
        return len(self._ring)

    @property
    def start(self) -> int:
        """The oldest sample still held."""
        return self._start

    @property
    def end(self) -> int:
        """One past the newest sample."""
        return self._end

    def write(self, at: int, audio: Audio) -> None:
        """Put `[samples, channels]` at sample `at`.

        Replaces what is there; what lies beyond stays. A gap before `at` becomes silence.
        Whatever lies before `start` is dropped, but an empty line begins wherever it is first
        written to.
        """
        if self._start == self._end:
            self._start = self._end = at
        if at > self._end:
            self._put(self._end, None, at)
        stop = at + len(audio)
        self._put(at, audio, stop)

    def read(self, at: int, samples: int) -> Audio:
        """A copy of `samples` samples from `at`, with silence where the line holds nothing."""
        out = np.zeros((samples, self._ring.shape[1]), np.float32)
        first = max(at, self._start)
        for where, begin, count in self._pieces(first, min(at + samples, self._end)):
            out[begin - at : begin - at + count] = self._ring[where : where + count]
        return out

    def forget(self, at: int) -> None:
        """Drop everything from sample `at` on."""
        self._end = min(self._end, max(at, self._start))

    def clear(self) -> None:
        """Drop everything: the next write may begin anywhere."""
        self._end = self._start

    def _put(self, at: int, audio: Audio | None, stop: int) -> None:
        """Fill `[at, stop)` with `audio` (None: silence), as far as it can be held."""
        self._end = max(self._end, stop)
        self._start = max(self._start, self._end - len(self._ring))
        for where, begin, count in self._pieces(max(at, self._start), stop):
            source = 0.0 if audio is None else audio[begin - at : begin - at + count]
            self._ring[where : where + count] = source

    def _pieces(self, first: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """`[first, stop)` as at most two of (index in the ring, sample, count)."""
        capacity = len(self._ring)
        while first < stop:
            where = first % capacity
            count = min(stop - first, capacity - where)
            yield where, first, count
            first += count
