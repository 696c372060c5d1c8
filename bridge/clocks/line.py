"""Beats by the second, samples by the second: what a leader says, and what the device does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """At monotonic second `at_s` it is `beat`, and it goes on at `bpm`."""

    at_s: float
    beat: float
    bpm: float

    def beat_at(self, at_s: float) -> float:
        return self.beat + (at_s - self.at_s) * self.bpm / 60.0

    def time_at(self, beat: float) -> float:
        """The monotonic second of `beat`."""
        return self.at_s + (beat - self.beat) * 60.0 / self.bpm


@dataclass(frozen=True, slots=True)
class Device:
    """The output takes the session's sample `sample` at monotonic second `at_s`."""

    sample: int
    at_s: float
    rate: int

    def sample_at(self, at_s: float) -> float:
        return self.sample + (at_s - self.at_s) * self.rate

    def time_at(self, sample: float) -> float:
        return self.at_s + (sample - self.sample) / self.rate


@dataclass(frozen=True, slots=True)
class Reading:
    """What a leader says now."""

    bpm: float | None = None
    """None: not known yet."""
    line: Line | None = None
    """Where it is; None: it stands, or does not say."""
    playing: bool | None = None
    """None: it does not say."""
    alive: bool = False
    """Whether it was heard just now."""
    bar_beats: float = 0.0
    """Only the place in a bar of so many beats is shared; 0: the position itself is."""
