"""A host that leads over OSC: its `/tempo`, `/position`, `/play` and `/stop` are measurements.

A stream of positions, sent 10 to 50 times a second while the host plays, goes through the same
loop as MIDI clock. A position more than a beat away from where the host should be is a locate. A
host that sends its tempo only is followed in that alone.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from bridge.clocks.dll import PhaseLoop
from bridge.clocks.line import Reading

LOST_S = 1.0
"""A stream of positions that stops for so long while the host plays is lost."""
JUMP_BEATS = 1.0


class OscClock:
    def __init__(self) -> None:
        self._loop = PhaseLoop()
        self._bpm = 120.0
        self._playing = False
        self._heard_s = float("-inf")
        self._placed = False
        """Whether positions have come since the host began to play."""

    def begin(self, bpm: float, *, playing: bool) -> None:
        """Lead from now on; what the transport does now holds until the host says otherwise."""
        self._bpm = bpm
        self._restart(playing)

    def tempo(self, bpm: float, at_s: float) -> None:
        """The host plays at `bpm` now."""
        self._heard_s = max(self._heard_s, at_s)
        self._bpm = bpm
        self._loop.tell(bpm)

    def position(self, beat: float, at_s: float) -> None:
        """The host is, or will be, at `beat` at `at_s`."""
        self._heard_s = max(self._heard_s, at_s)
        if not self._playing:
            return
        line = self._loop.line
        if not self._placed or line is None or abs(line.beat_at(at_s) - beat) > JUMP_BEATS:
            self._loop.resume(beat, at_s)
        else:
            self._loop.measure(beat, at_s)
        self._placed = True

    def play(self, at_s: float) -> None:
        self._heard_s = max(self._heard_s, at_s)
        if not self._playing:
            self._restart(playing=True)

    def stop(self, at_s: float) -> None:
        self._heard_s = max(self._heard_s, at_s)
        self._restart(playing=False)

    def _restart(self, playing: bool) -> None:
        self._playing = playing
        self._placed = False
        if self._loop.line is not None:
            self._bpm = self._loop.line.bpm
        self._loop = PhaseLoop()
        self._loop.tell(self._bpm)

    def read(self, now_s: float) -> Reading:
        known = self._heard_s > float("-inf")
        silent = self._placed and now_s - self._heard_s > LOST_S
        line = self._loop.line if self._placed else None
        bpm = self._bpm if line is None else line.bpm
        return Reading(bpm if known else None, line, self._playing, known and not silent)
