"""MIDI clock as the leader: 24 ticks a beat, start, continue, stop, song position.

One port leads, the first that sends; another only after that one has been silent for two seconds.
So one clock that arrives on two ways, or two clocks, never mix.

Threading: `received` may be called from any thread; everything else is the conductor's.
"""

from __future__ import annotations

from collections import deque

from bridge.clocks.dll import PhaseLoop
from bridge.clocks.line import Line, Reading
from bridge.midi.messages import Realtime

TICKS = 24
"""A beat (MIDI 1.0)."""
TICKS_A_SIXTEENTH = 6
"""Song positions count sixteenths."""
LOST_S = 0.25
"""Without a tick for so long, or for one and a half, the clock has stopped (as for Ardour)."""
OTHER_PORT_S = 2.0
_WAITING = 4096
"""Messages: more than a minute of ticks. Only a conductor that hangs leaves so many."""


class MidiClock:
    """Ticks are counted on and on; where beat 0 lies among them is said by start and position."""

    def __init__(self) -> None:
        self._inbox: deque[tuple[Realtime, float]] = deque(maxlen=_WAITING)
        self._port = ""
        self._heard_s = float("-inf")
        """When the leading port last said anything."""
        self._forget()

    def _forget(self) -> None:
        self._loop = PhaseLoop()
        self._next = 0
        """The number of the next tick."""
        self._zero = 0
        """The number that beat 0 has, or would have."""
        self._held = 0
        """Ticks from beat 0 to where `continue` goes on."""
        self._ticked_s = float("-inf")
        self._playing = False
        self._placed = False
        """Whether the next tick has a place of its own, whenever it may come."""

    def received(self, message: Realtime, at_s: float) -> None:
        """A message, and the monotonic second of its arrival."""
        self._inbox.append((message, at_s))

    @property
    def port(self) -> str:
        """The one that leads; empty before any has sent."""
        return self._port

    def read(self, now_s: float) -> Reading:
        while self._inbox:
            self._take(*self._inbox.popleft())
        line = self._loop.line
        alive = now_s - self._ticked_s < self._patience_s
        bpm = None if line is None else line.bpm
        stands = not self._playing or (self._placed and not alive)
        if line is not None:
            line = Line(line.at_s, line.beat - self._zero / TICKS, line.bpm)
        return Reading(bpm, None if stands else line, self._playing, alive)

    @property
    def _patience_s(self) -> float:
        line = self._loop.line
        return LOST_S if line is None else max(LOST_S, 1.5 * 60.0 / line.bpm / TICKS)

    def _take(self, message: Realtime, at_s: float) -> None:
        if message.port != self._port:
            if at_s - self._heard_s < OTHER_PORT_S:
                return
            self._port = message.port
            self._forget()
        self._heard_s = at_s
        match message.pulse:
            case "clock":
                self._tick(at_s)
            case "start":
                self._go_on_from(0)
                self._playing = True
            case "continue":
                self._go_on_from(self._held)
                self._playing = True
            case "stop" if self._playing:
                self._held = self._next - self._zero
                self._playing = False
            case "position":
                self._held = message.sixteenths * TICKS_A_SIXTEENTH
                if self._playing:
                    self._go_on_from(self._held)

    def _go_on_from(self, ticks: int) -> None:
        """The next tick is so many after beat 0."""
        self._zero = self._next - ticks
        self._placed = True

    def _tick(self, at_s: float) -> None:
        if at_s - self._ticked_s < self._patience_s:
            self._loop.measure(self._next / TICKS, at_s)
        else:
            if self._loop.line is not None and not self._placed:
                # The leader went on meanwhile, as far as anyone knows, at the tempo it had.
                missed = round(self._loop.line.beat_at(at_s) * TICKS)
                self._next = max(self._next, missed)
            self._loop.resume(self._next / TICKS, at_s)
        self._ticked_s = at_s
        self._next += 1
        self._placed = False
