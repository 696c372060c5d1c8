"""Beats to samples and back, for one anchor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.api import Timing


@dataclass(frozen=True, slots=True)
class Tempo:
    """`engine.api.Timing` at a sample rate, with nonsense made harmless."""

    timing: Timing
    rate: int

    @property
    def beat_samples(self) -> float:
        return 60.0 * self.rate / self.timing.bpm

    def sample_of(self, beat: float) -> float:
        return self.timing.sample + (beat - self.timing.beat) * self.beat_samples

    def beat_of(self, sample: float) -> float:
        return self.timing.beat + (sample - self.timing.sample) / self.beat_samples

    def frame_of(self, beat: float) -> int:
        """The sample nearest to a beat."""
        return math.floor(self.sample_of(beat) + 0.5)

    def bar_of(self, beat: float) -> int:
        timing = self.timing
        return timing.bar + math.floor((beat - timing.bar_beat) / timing.beats_per_bar + 1e-9)

    def bar_start(self, bar: int) -> float:
        return self.timing.bar_beat + (bar - self.timing.bar) * self.timing.beats_per_bar


def make_tempo(timing: Timing, rate: int) -> Tempo:
    """A tempo that can be reckoned with, whatever the anchor says."""
    numbers = (timing.sample, timing.beat, timing.bpm, timing.beats_per_bar, timing.bar_beat)
    sane = all(math.isfinite(number) for number in numbers)
    if sane and timing.bpm >= 1 and timing.beats_per_bar >= 0.5:
        return Tempo(timing, rate)
    return Tempo(Timing(0.0, 0.0, 120.0), rate)
