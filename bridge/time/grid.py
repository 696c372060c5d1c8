"""The launch grid: where the next beat, bar or group of bars begins."""

from __future__ import annotations

from math import ceil

from bridge.time.tempo import Meter

_BARS = {"bar": 1, "2bars": 2, "4bars": 4, "8bars": 8}
_EPSILON_BEATS = 1e-6
"""A position this little after a line is on it: rounding of a sample is 1e-4 beats at least."""


def next_line(beat: float, grid: str, meter: Meter) -> float:
    """The first line of `grid` at or after `beat`, in beats. `none`: `beat` itself.

    Groups of bars are counted from bar 0, so that `4bars` of two servers agree.
    """
    if grid == "none":
        return beat
    since_beats = beat - meter.beat
    if grid == "beat":
        return meter.beat + ceil(since_beats - _EPSILON_BEATS)
    group = _BARS[grid]
    bar = meter.bar + ceil(since_beats / meter.beats_per_bar - _EPSILON_BEATS)
    bar = -(-bar // group) * group
    return meter.beat + (bar - meter.bar) * meter.beats_per_bar
