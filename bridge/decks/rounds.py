"""A loop of whole bars at one tempo: as it was played, or stretched to another, beat by beat.

Threading: one worker fills a round, and the conductor's thread reads what is there; a beat is
announced once it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from bridge.audio.mixing import join
from bridge.clips.loop import cut_loop
from bridge.time.bars import Passage
from bridge.warp.stretch import CONTEXT_S, FADE_S
from engine.api import Audio

SEAM_S = 0.01
"""The end of a loop crosses for so long into what was heard before its beginning."""

Cut = Callable[[Audio, float, float, int, int, int], Audio]
"""`bridge.warp.stretch.cut`, or the same elsewhere."""


class Source(Protocol):
    """What a loop is read from: a deck's memory, or a clip."""

    def read(self, first: int, last: int) -> Audio:
        """float32 `[last - first, 2]`"""


class Round(Protocol):
    """`length` samples that go round; beat `i` begins at `starts[i]`, and `starts` ends with
    `length`."""

    bpm: float
    length: int
    starts: tuple[int, ...]

    def read(self, at: int, samples: int) -> Audio:
        """float32 `[samples, 2]` from sample `at` on, going round."""


def going_round(audio: Audio, at: int, samples: int) -> Audio:
    at %= len(audio)
    if at + samples <= len(audio):
        return audio[at : at + samples].copy()
    return np.take(audio, np.arange(at, at + samples), axis=0, mode="wrap")


class Played:
    """As it was played: out of the deck's memory, until it is copied."""

    def __init__(self, memory: Source, passage: Passage, rate: int) -> None:
        self.bpm = passage.bpm
        self._memory = memory
        self._first = round(passage.marks[0])
        self._fade = round(SEAM_S * rate)
        self._audio: Audio | None = None
        self.starts = tuple(round(mark) - self._first for mark in passage.marks)
        self.length = self.starts[-1]
        beats = zip(self.starts, passage.steps, strict=True)
        beat_samples = 60.0 * rate / passage.bpm
        self.even = all(abs(start - step * beat_samples) <= 1.5 for start, step in beats)
        """Whether its tempo was the same throughout."""

    @property
    def copied(self) -> bool:
        """Whether it needs the memory no more."""
        return self._audio is not None

    def read(self, at: int, samples: int) -> Audio:
        if self._audio is not None:
            return going_round(self._audio, at, samples)
        at = self._first + at % self.length
        return self._memory.read(at, at + samples)

    def copy(self) -> Audio:
        """Keep it, before it is forgotten, as a loop that runs into itself; the worker's part."""
        if self._audio is None:
            fade = min(self._fade, self.length)
            heard = self._memory.read(self._first - fade, self._first + self.length)
            self._audio = cut_loop(heard, fade, self.length, fade)
        return self._audio


class Stretched:
    """The same at another tempo, from the beat on that is needed first."""

    def __init__(self, played: Played, passage: Passage, bpm: float, first: int, rate: int) -> None:
        self.bpm = bpm
        self.starts = tuple(round(step * 60.0 * rate / bpm) for step in passage.steps)
        self.length = self.starts[-1]
        self._played = played
        self._rate = rate
        count = len(self.starts) - 1
        self._left = [(first + i) % count for i in range(count)]
        self._ready: set[int] = set()
        self._audio = np.zeros((self.length, 2), np.float32)
        self._tail: Audio | None = None
        """What follows the beat that was made last."""

    def has(self, beat: int) -> bool:
        """Whether a beat can be read."""
        return beat in self._ready

    def read(self, at: int, samples: int) -> Audio:
        return going_round(self._audio, at, samples)

    def make_next(self, cutting: Cut) -> bool:
        """Make another beat; False if all are there. The worker's part."""
        if not self._left:
            return False
        beat = self._left.pop(0)
        first, last = self.starts[beat], self.starts[beat + 1]
        if last > first:
            piece = self._stretched(beat, last - first, cutting)
            self._audio[first:last] = self._joined(piece)[: last - first]
            self._tail = piece[last - first :]
        self._ready.add(beat)
        if not self._left:
            self._close(self.starts[(beat + 1) % (len(self.starts) - 1)])
        return True

    def _stretched(self, beat: int, samples: int, cutting: Cut) -> Audio:
        source = self._played.copy()
        begin, end = self._played.starts[beat : beat + 2]
        context = round(CONTEXT_S * self._rate)
        window = going_round(source, begin - context, end - begin + 2 * context)
        after = round(FADE_S * self._rate)
        return cutting(window, context, context + end - begin, samples, after, self._rate)

    def _joined(self, piece: Audio) -> Audio:
        if self._tail is not None:
            n = min(len(self._tail), len(piece))
            piece[:n] = join(self._tail[:n], piece[:n])
        return piece

    def _close(self, at: int) -> None:
        """The beat that was made first had none before it."""
        if self._tail is not None:
            n = min(len(self._tail), self.length - at)
            self._audio[at : at + n] = join(self._tail[:n], self._audio[at : at + n])
