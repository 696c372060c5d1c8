"""Waveforms as columns: the lowest and highest level of each 20 ms, in a ring by their number.

Threading: one thread owns a strip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio

FULL = 127
"""What full scale is in a column; what is louder is shown as that."""

Columns = NDArray[np.int8]
"""`[columns, 2]`: lowest and highest level."""


def columns_of(audio: Audio, grain: int) -> Columns:
    """float32 `[samples, channels]` to its columns of `grain` samples, the last one of what is
    left: int8 `[ceil(samples / grain), 2]`."""
    edges = np.arange(0, len(audio), grain)
    if not len(edges):
        return np.zeros((0, 2), np.int8)
    sides = np.ascontiguousarray(audio.T)  # [channels, samples]: far faster to reduce
    low = np.minimum.reduceat(sides, edges, axis=1).min(axis=0)
    high = np.maximum.reduceat(sides, edges, axis=1).max(axis=0)
    return levels(low, high)


def levels(low: Audio, high: Audio) -> Columns:
    """The columns of these lowest and highest levels, `[..., 2]`."""
    scaled = np.stack([low, high], axis=-1) * FULL
    # Unlike `clip`, these two make something of what is not a number, too.
    return np.rint(np.fmin(np.fmax(scaled, -FULL), FULL)).astype(np.int8)


class Strip:
    """Columns `first <= number < end` of one waveform, each with the tick at which it changed."""

    def __init__(self, capacity: int) -> None:
        self.first = 0
        self.end = 0
        self._columns = np.zeros((capacity, 2), np.int8)
        self._changed = np.full(capacity, -1, np.int64)

    def put(self, at: int, columns: Columns, tick: int) -> None:
        """`columns` from number `at` on; what lay beyond them is forgotten, and a gap before them
        is silence."""
        capacity = len(self._columns)
        if not self.first <= at <= self.end + capacity:
            self.first = self.end = at
        gap = max(0, at - self.end)
        at = min(at, self.end)
        columns = np.concatenate([np.zeros((gap, 2), np.int8), columns])
        kept = columns[-capacity:]
        self.end = at + len(columns)
        places = np.arange(self.end - len(kept), self.end) % capacity
        self._columns[places] = kept
        self._changed[places] = tick
        self.first = max(self.first, self.end - capacity)

    def since(self, tick: int, first: int, end: int) -> tuple[int, Columns]:
        """Of columns `first <= number < end` those that changed after `tick`, with whatever lies
        between them: the number of the first one, and int8 `[columns, 2]`."""
        first, end = max(first, self.first), min(end, self.end)
        places = np.arange(first, end) % len(self._columns)
        changed = np.flatnonzero(self._changed[places] > tick)
        if not len(changed):
            return first, self._columns[:0]
        begin, stop = int(changed[0]), int(changed[-1]) + 1
        return first + begin, self._columns[places[begin:stop]]


class Heard:
    """The waveforms of all decks as they were mixed, cut into whole columns."""

    def __init__(self, decks: int, grain: int, capacity: int) -> None:
        self.strips = [Strip(capacity) for _ in range(decks)]
        self._grain = grain
        self._left = np.zeros((2 * decks, 0), np.float32)
        """The begin of a column that is not whole yet."""
        self._at = 0
        """The first sample of that."""

    def take(self, at: int, audio: Audio, tick: int) -> None:
        """float32 `[2 * decks, samples]` from sample `at` on."""
        if at != self._at + self._left.shape[1]:  # blocks were missed: begin at the next column
            skipped = -at % self._grain
            self._at, audio, self._left = at + skipped, audio[:, skipped:], self._left[:, :0]
        audio = np.concatenate([self._left, audio], axis=1)
        count = audio.shape[1] // self._grain
        whole = audio[:, : count * self._grain].reshape(len(audio), count, self._grain)
        self._left = audio[:, count * self._grain :]
        if count:
            self._put(whole, tick)
        self._at += count * self._grain

    def _put(self, whole: Audio, tick: int) -> None:
        """`whole`: `[2 * decks, columns, grain]`."""
        low, high = whole.min(axis=2), whole.max(axis=2)
        columns = levels(  # [decks, columns, 2]
            np.minimum(low[::2], low[1::2]), np.maximum(high[::2], high[1::2])
        )
        for strip, of_deck in zip(self.strips, columns, strict=True):
            strip.put(self._at // self._grain, of_deck, tick)
