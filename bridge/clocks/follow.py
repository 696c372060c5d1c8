"""The transport on a leader's line: small errors are bent away, large ones jumped over.

Each bend has the engine make two seconds of music anew, so there are few: what the plan that is
made already will come to is compared with the leader, and left alone while that is near enough.

Threading: the conductor's thread.
"""

from __future__ import annotations

from math import floor

from bridge.clocks.line import Device, Line
from bridge.session import Session

JUMP_BEATS = 0.5
"""Errors up to this are bent away."""
MOST_BEND = 0.125
"""Of the tempo: half a beat is made up for in four."""
NEAR_S, FAR_S = 0.0005, 0.002
"""An error below the first is none; one above the second does not wait for `RARELY_S`."""
OFTEN_S, RARELY_S = 0.25, 2.0
"""Between two bends, at least: the tempo that a leader is believed to have wavers at first."""
AHEAD_S = 0.06
"""A bend begins so much after the newest mixed sample: the engine has delivered by then."""
_BEND_BEATS = 1.0
"""How long a bend lasts, at least."""
_LOOK_BEATS = 2.0
"""How far beyond the plan its error is foreseen."""
_LEAST_BPM, _MOST_BPM = 20.0, 400.0


class Follower:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._bent_s = float("-inf")

    def hold(self, bpm: float, now_s: float) -> None:
        """Take over the tempo alone."""
        session = self._session
        bpm = _in_range(bpm)
        if now_s - self._bent_s < OFTEN_S or abs(bpm - session.transport.bpm) < 0.01:
            return
        self._bent_s = now_s
        session.set_tempo(session.now, bpm)
        session.revision += 1

    def follow(self, line: Line, bar_beats: float, device: Device, now_s: float) -> None:
        """Bend or move the transport, if it needs that. `bar_beats`: see `Reading`."""
        session = self._session
        if session.busy:
            return
        at = session.now + round(AHEAD_S * device.rate)
        error = self.error_beats(line, bar_beats, device, at)
        if abs(error) > JUMP_BEATS:
            self._bent_s = now_s
            session.jump(at, max(0.0, session.transport.map.beat_at(at) + error), line.bpm)
            return
        foreseen_s = self._foreseen_s(line, bar_beats, device, at)
        pause_s = OFTEN_S if foreseen_s > FAR_S else RARELY_S
        if foreseen_s > NEAR_S and now_s - self._bent_s >= pause_s:
            self._bent_s = now_s
            self._bend(line, error, at)

    def error_beats(self, line: Line, bar_beats: float, device: Device, sample: float) -> float:
        """By how much the transport is behind the leader at `sample`."""
        error = line.beat_at(device.time_at(sample)) - self._session.transport.map.beat_at(sample)
        if bar_beats:
            error -= bar_beats * floor(error / bar_beats + 0.5)
        return error

    def _foreseen_s(self, line: Line, bar_beats: float, device: Device, at: int) -> float:
        """The largest error that the plan, as it is, comes to."""
        end = max(at, self._session.transport.map.anchors[-1].sample)
        later = end + _LOOK_BEATS * 60.0 * device.rate / line.bpm
        errors = (self.error_beats(line, bar_beats, device, sample) for sample in (end, later))
        return max(abs(error) for error in errors) * 60.0 / line.bpm

    def _bend(self, line: Line, error: float, at: int) -> None:
        """Make up for `error` beats from sample `at` on, and then keep the leader's tempo."""
        beats = max(_BEND_BEATS, abs(error) / MOST_BEND)
        bpm = _in_range(line.bpm)
        settled = at + round(beats * 60.0 * self._session.rate / bpm)
        self._session.bend(at, _in_range(bpm * (beats + error) / beats), settled, bpm)


def _in_range(bpm: float) -> float:
    return min(max(bpm, _LEAST_BPM), _MOST_BPM)
