"""A delay-locked loop: the beats of a clock whose messages arrive now a little early, now late.

The loop predicts when the next message will come, and moves its prediction by a part of the error
(Adriaensen, "Using a DLL to filter time", 2005). Its bandwidth is Ardour's, 2 / BPM Hz: of a jitter
of 3 ms that leaves 0.1 ms. Such a loop alone would take half a minute to settle. So it begins with
the gains that make each estimate the straight line of least squares through all messages so far
(Bar-Shalom, "Estimation with Applications to Tracking and Navigation", 2001, for an alpha-beta
filter of growing memory), which shrink until they are those of the bandwidth.

A tempo that changes shows in errors of one sign. Their sums, less what chance explains, are watched
(Page's CUSUM test, 1954), and once one is too large the loop begins anew with the messages since
the errors began.

Threading: one thread owns a loop.
"""

from __future__ import annotations

from collections import deque
from math import pi, sqrt

from bridge.clocks.line import Line

SURE = 6
"""Messages until a tempo is believed: with 3 ms of jitter at 120 BPM it is within 3 % then."""
TOLD = 24
"""A tempo that was told, or held, counts as much as one measured so many times."""

_BANDWIDTH_BPM_HZ = 2.0
_KEPT = 96
"""Messages remembered, to begin anew with: a beat in which a tempo drifts is noticed well before
it is over, four beats of MIDI clock are enough."""
_WATCHED = 12
"""Messages until errors mean anything."""
_FIRST_SPREAD_S, _LEAST_SPREAD_S = 0.002, 0.0002
_SPREAD_MEMORY = 48
_OUTLIER = 4.0
"""Spreads: one message that the system held up counts for no more."""
_SLACK, _ALARM = 0.5, 12.0
"""Spreads, of the CUSUM test. By chance it raises an alarm once in hours of MIDI clock."""
_SLOWEST_S, _QUICKEST_S = 6.0, 0.1
"""Seconds a beat, well beyond 20 and 400 BPM."""


class PhaseLoop:
    """Measure beats, and read the line on which they lie."""

    def __init__(self) -> None:
        self.line: Line | None = None
        """The newest estimate that can be believed."""
        self._beat, self._at_s = 0.0, 0.0
        self._period_s = 0.0
        """Of a beat; 0: not known."""
        self._places, self._tempi = 0, 0
        """How many measurements the place, and the tempo, rest on."""
        self._recent: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._spread_s = _FIRST_SPREAD_S
        self._early_s, self._late_s = 0.0, 0.0
        self._early, self._late = 0, 0
        """Messages since each sum was last nothing."""

    def measure(self, beat: float, at_s: float) -> None:
        """It was `beat` at `at_s`, more or less. What does not go forward is ignored."""
        if self._places and beat <= self._beat:
            return
        self._recent.append((beat, at_s))
        error_s = self._update(beat, at_s)
        if self._tempi >= _WATCHED and self._changed(error_s):
            self._begin_anew(max(self._early, self._late))
        self._believe()

    def resume(self, beat: float, at_s: float) -> None:
        """It is `beat` now, whatever was before; the tempo is held."""
        self._beat, self._at_s = beat, at_s
        self._places, self._tempi = 1, min(self._tempi, TOLD)
        self._recent.clear()
        self._recent.append((beat, at_s))
        self._calm()
        self._believe()

    def tell(self, bpm: float) -> None:
        """The tempo is known from another side."""
        if self._places:
            self._places = min(self._places, TOLD)
        self._period_s, self._tempi = 60.0 / bpm, TOLD
        self._recent.clear()
        self._calm()
        self._believe()

    def _update(self, beat: float, at_s: float) -> float:
        """Returns how much later than predicted the message came, in seconds."""
        beats, self._beat = beat - self._beat, beat
        if not self._places or not self._period_s:
            if self._places and at_s > self._at_s:
                self._period_s, self._tempi = (at_s - self._at_s) / beats, 1
            self._at_s = at_s
            self._places += 1
            self._tempi += self._tempi > 0
            return 0.0
        predicted_s = self._at_s + beats * self._period_s
        error_s = at_s - predicted_s
        used_s = self._trusted(error_s)
        self._places, self._tempi = self._places + 1, self._tempi + 1
        narrow = 2 * pi * _BANDWIDTH_BPM_HZ * (self._period_s / 60.0) * beats * self._period_s
        place = max(sqrt(2.0) * narrow, _place_gain(self._places))
        tempo = max(narrow * narrow, _tempo_gain(self._tempi))
        self._at_s = predicted_s + min(1.0, place) * used_s
        period_s = self._period_s + min(1.0, tempo) * used_s / beats
        self._period_s = min(max(period_s, _QUICKEST_S), _SLOWEST_S)
        return error_s

    def _trusted(self, error_s: float) -> float:
        if self._tempi < _WATCHED or self._places < _WATCHED:
            return error_s
        most_s = _OUTLIER * self._spread_s
        return min(max(error_s, -most_s), most_s)

    def _changed(self, error_s: float) -> bool:
        """Whether the tempo is another by now."""
        slack_s = _SLACK * self._spread_s
        error_s = self._trusted(error_s)
        self._late_s = max(0.0, self._late_s + error_s - slack_s)
        self._early_s = max(0.0, self._early_s - error_s - slack_s)
        self._late = self._late + 1 if self._late_s else 0
        self._early = self._early + 1 if self._early_s else 0
        alarm = max(self._late_s, self._early_s) > _ALARM * self._spread_s
        seen_s = 1.25 * abs(error_s)  # of a normal spread
        self._spread_s += (seen_s - self._spread_s) / _SPREAD_MEMORY
        self._spread_s = max(self._spread_s, _LEAST_SPREAD_S)
        return alarm

    def _begin_anew(self, messages: int) -> None:
        again = list(self._recent)[-max(2, messages) :]
        self._places = self._tempi = 0
        self._period_s = 0.0
        self._recent.clear()
        for beat, at_s in again:
            self._recent.append((beat, at_s))
            self._update(beat, at_s)
        self._calm()

    def _calm(self) -> None:
        self._early_s = self._late_s = 0.0
        self._early = self._late = 0

    def _believe(self) -> None:
        if self._places and self._tempi >= SURE:
            self.line = Line(self._at_s, self._beat, 60.0 / self._period_s)


def _place_gain(n: int) -> float:
    return (4 * n - 2) / (n * (n + 1))


def _tempo_gain(n: int) -> float:
    return 6 / (n * (n + 1))
