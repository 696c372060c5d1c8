"""Bars that were played: which samples they lay on."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from bridge.time.tempo import Meter, TempoMap

_EPSILON_BEATS = 1e-6
"""A position this little off a line is on it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole bars of the transport, as they were played."""

    bars: int
    meter: Meter
    beat: float
    """Of the transport, on the first bar line."""
    bpm: float
    """At the end of the last bar."""
    marks: tuple[float, ...]
    """Output samples: the first bar line, every quarter note from there, the last bar line."""
    position_samples: int
    """From the transport's beat 0 to the first bar line, as a host counts its timeline."""

    @property
    def steps(self) -> tuple[float, ...]:
        """In quarter notes after the first bar line, what `marks` has in samples."""
        return beats_of(self.bars * self.meter.beats_per_bar)


def beats_of(length_beats: float) -> tuple[float, ...]:
    """0, 1, 2 ... and the end: of 3.5 beats, 0 1 2 3 3.5."""
    whole = ceil(length_beats - _EPSILON_BEATS)
    return (*(float(i) for i in range(whole)), length_beats)


def unbroken(tempo: TempoMap, at: float) -> TempoMap:
    """What `tempo` says up to sample `at`, back to where the position last jumped."""
    anchors = [a for a in tempo.anchors if a.sample <= at] or list(tempo.anchors[:1])
    run = [anchors.pop()]
    while anchors:
        before, after = anchors.pop(), run[-1]
        if abs(before.beat_at(after.sample, tempo.rate) - after.beat) > _EPSILON_BEATS:
            break
        run.append(before)
    whole = TempoMap(tempo.rate, run.pop())
    for anchor in reversed(run):
        whole.change(anchor.sample, bpm=anchor.bpm, beat=anchor.beat)
    return whole


def whole_bars(tempo: TempoMap, meter: Meter, first: int, last: int) -> int:
    """How many whole bars of `meter` lie between two samples, without a jump between them."""
    run = unbroken(tempo, last)
    return max(0, _line_before(run, meter, last) - _line_after(run, meter, first))


def last_bars(tempo: TempoMap, meter: Meter, until: int, bars: int) -> Passage:
    """The last `bars` whole bars before sample `until`; `whole_bars` says whether they are there.

    What lies before a jump of the position is reckoned as if the transport had run on.
    """
    run = unbroken(tempo, until)
    beat = meter.beat + (_line_before(run, meter, until) - bars) * meter.beats_per_bar
    marks = tuple(run.sample_at(beat + step) for step in beats_of(bars * meter.beats_per_bar))
    begin = run.anchors[0]
    origin = begin.sample - begin.beat * 60.0 * run.rate / begin.bpm
    bpm = run.at(marks[-1] - 1.0).bpm
    return Passage(bars, meter, beat, bpm, marks, max(0, round(marks[0] - origin)))


def _line_before(run: TempoMap, meter: Meter, sample: int) -> int:
    """The newest bar line at or before a sample, counted from the meter's first."""
    return floor((run.beat_at(sample) - meter.beat) / meter.beats_per_bar + _EPSILON_BEATS)


def _line_after(run: TempoMap, meter: Meter, sample: int) -> int:
    """The first bar line of the run at or after a sample."""
    beat = run.beat_at(max(sample, run.anchors[0].sample))
    return max(0, ceil((beat - meter.beat) / meter.beats_per_bar - _EPSILON_BEATS))
