"""Tempo as anchors: from which sample on, which beat, how fast.

Every change replaces what was planned after it, so the newest word wins. Old anchors are kept as
long as the decks' memory of what they played, because loops of it are found by beat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import floor

from engine.api import Timing

KEEP = 512
"""Anchors remembered: a tempo knob turned for five seconds at 100 messages a second."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """From output sample `sample` on, `beat` is reached there and the tempo is `bpm`."""

    sample: int
    beat: float
    bpm: float

    def beat_at(self, sample: float, rate: int) -> float:
        return self.beat + (sample - self.sample) * self.bpm / (60.0 * rate)

    def sample_at(self, beat: float, rate: int) -> float:
        return self.sample + (beat - self.beat) * 60.0 * rate / self.bpm


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature from a bar on: bar number `bar` (from 0) begins at `beat`."""

    numerator: int = 4
    denominator: int = 4
    bar: int = 0
    beat: float = 0.0

    @property
    def beats_per_bar(self) -> float:
        """In quarter notes: 3 for 6/8, 3.5 for 7/8."""
        return self.numerator * 4.0 / self.denominator

    def bar_at(self, beat: float) -> tuple[int, float]:
        """The bar number (from 0) that `beat` lies in, and the beats since it began."""
        passed = beat - self.beat
        bars = floor((passed + _EPSILON_BEATS) / self.beats_per_bar)
        # From `passed` itself, so that a whole beat stays whole.
        return self.bar + bars, max(0.0, passed - bars * self.beats_per_bar)

    def change(self, beat: float, numerator: int, denominator: int) -> Meter:
        """Another signature, counted from the start of the bar that `beat` lies in."""
        bar, since = self.bar_at(beat)
        return Meter(numerator, denominator, bar, beat - since)


_EPSILON_BEATS = 1e-7
"""Under 0.02 samples at 20 BPM: a beat computed from a sample counts as on its line."""


class TempoMap:
    """Beats and samples of a transport that runs. Not thread-safe: the conductor owns it."""

    def __init__(self, rate: int, start: Anchor) -> None:
        self.rate = rate
        self._anchors = [start]

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return tuple(self._anchors)

    def shifted(self, samples: int) -> TempoMap:
        """A copy in which everything is so much later."""
        first, *others = (replace(a, sample=a.sample + samples) for a in self._anchors)
        copy = TempoMap(self.rate, first)
        copy._anchors += others
        return copy

    def at(self, sample: float) -> Anchor:
        """The anchor in force at `sample` (the first one for anything before it)."""
        i = bisect_right(self._anchors, sample, key=lambda a: a.sample)
        return self._anchors[max(0, i - 1)]

    def beat_at(self, sample: float) -> float:
        return self.at(sample).beat_at(sample, self.rate)

    def sample_at(self, beat: float) -> float:
        """Where `beat` is reached, under the newest anchor at or before it."""
        for anchor in reversed(self._anchors):
            if beat >= anchor.beat - _EPSILON_BEATS:
                return anchor.sample_at(beat, self.rate)
        return self._anchors[0].sample_at(beat, self.rate)

    def changes_after(self, sample: int) -> list[int]:
        """The samples of the anchors that lie in the future of `sample`."""
        return [a.sample for a in self._anchors if a.sample > sample]

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, int, Anchor]]:
        """`first..last` in stretches of one tempo: each one's samples, and its anchor."""
        edges = [first, *(a.sample for a in self._anchors if first < a.sample < last), last]
        for begin, end in pairwise(edges):
            yield begin, end, self.at(begin)

    def change(self, sample: int, *, bpm: float | None = None, beat: float | None = None) -> None:
        """From `sample` on another tempo, another position, or both."""
        here = self.at(sample)
        anchor = Anchor(
            sample,
            here.beat_at(sample, self.rate) if beat is None else beat,
            here.bpm if bpm is None else bpm,
        )
        kept = [a for a in self._anchors if a.sample < sample]
        self._anchors = [*kept[-KEEP:], anchor]


def timing_of(anchor: Anchor, meter: Meter, origin: int) -> Timing:
    """What a stream whose frame 0 is heard at output sample `origin` is told."""
    return Timing(
        sample=anchor.sample - origin,
        beat=anchor.beat,
        bpm=anchor.bpm,
        beats_per_bar=meter.beats_per_bar,
        bar_beat=meter.beat,
        bar=meter.bar,
    )
