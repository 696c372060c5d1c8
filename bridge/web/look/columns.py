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
    low = np.minimum.reduceat(audio.min(axis=1), edges)
    high = np.maximum.reduceat(audio.max(axis=1), edges)
    return levels(low, high)


def levels(low: Audio, high: Audio) -> Columns:
    """The columns of these lowest and highest levels, `[..., 2]`."""
    scaled = np.nan_to_num(np.stack([low, high], axis=-1)) * FULL
    return np.clip(np.rint(scaled), -FULL, FULL).astype(np.int8)


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
        self._left = np.zeros((0, 2 * decks), np.float32)
        """The begin of a column that is not whole yet."""
        self._at = 0
        """The first sample of that."""

    def take(self, at: int, audio: Audio, tick: int) -> None:
        """float32 `[samples, 2 * decks]` from sample `at` on."""
        if at != self._at + len(self._left):  # blocks were missed: begin at the next column
            skipped = -at % self._grain
            at, audio, self._left = at + skipped, audio[skipped:], self._left[:0]
            self._at = at
        audio = np.concatenate([self._left, audio])
        count = len(audio) // self._grain
        whole = audio[: count * self._grain].reshape(count, self._grain, audio.shape[1])
        self._left = audio[count * self._grain :]
        if count:
            self._put(whole, tick)
        self._at += count * self._grain

    def _put(self, whole: Audio, tick: int) -> None:
        """`whole`: `[columns, grain, 2 * decks]`."""
        sides = (len(whole), -1, 2)
        low = whole.min(axis=1).reshape(sides).min(axis=2)  # [columns, decks]
        high = whole.max(axis=1).reshape(sides).max(axis=2)
        columns = levels(low, high)  # [columns, decks, 2]
        for place, strip in enumerate(self.strips):
            strip.put(self._at // self._grain, columns[:, place], tick)
