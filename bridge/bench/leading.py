"""A host that leads by a tempo of its own, and its clock messages with as much jitter as one likes:
what following a clock is judged by. Everything is a function of its arguments."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

TICKS = 24
"""A beat (MIDI 1.0)."""
Tempo = Callable[[float], float]
"""BPM at a beat."""


@dataclass
class Host:
    """Plays from `beat` on since `start_s`, and knows exactly where it is."""

    start_s: float
    tempo: Tempo
    beat: float = 0.0
    _times_s: list[float] = field(default_factory=list)

    def time_of(self, tick: int) -> float:
        """When it is at `beat` plus so many 24ths, in seconds."""
        if not self._times_s:
            self._times_s.append(self.start_s)
        while len(self._times_s) <= tick:
            bpm = self.tempo(self.beat + (len(self._times_s) - 1) / TICKS)
            self._times_s.append(self._times_s[-1] + 60.0 / bpm / TICKS)
        return self._times_s[tick]

    def beat_at(self, at_s: float) -> float:
        self.time_of(1)
        while self._times_s[-1] <= at_s:
            self.time_of(len(self._times_s))
        tick = max(1, bisect_right(self._times_s, at_s)) - 1
        since_s, next_s = self._times_s[tick], self._times_s[tick + 1]
        return self.beat + (tick + (at_s - since_s) / (next_s - since_s)) / TICKS


def ticks(host: Host, until_s: float, jitter_s: float = 0.0, seed: int = 1) -> list[float]:
    """When its clock messages arrive: by up to `jitter_s` too early or too late."""
    dice = random.Random(seed)
    arrivals: list[float] = []
    tick = 0
    while host.time_of(tick) < until_s:
        at_s = host.time_of(tick) + dice.uniform(-jitter_s, jitter_s)
        arrivals.append(max(at_s, arrivals[-1]) if arrivals else at_s)
        tick += 1
    return arrivals
