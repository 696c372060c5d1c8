"""Who leads, and the one rule by which sideman follows.

What was chosen with `/clock` leads, and nothing else. Its tempo and place are followed, and when
it starts or stops, so does the transport. A leader that is lost leaves the music as it is: it goes
on at the tempo that it had. One that is back is joined by bending the tempo, if it is within half
a beat, and else by going where it is. See docs/clock.md.

Threading: the conductor's thread, save `midi.received`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from bridge.clocks.follow import Follower
from bridge.clocks.line import Device, Reading
from bridge.clocks.link import LinkClock
from bridge.clocks.midi import MidiClock
from bridge.clocks.osc import OscClock
from bridge.session import Session

START_S = 0.05
"""The transport starts so long after its leader did, in the midst of the first beat: by then the
engine has made what is to be heard there."""

_LED = frozenset({"/tempo", "/tempo/raw", "/tempo/tap", "/position"})
"""What a clock decides that leads."""
_OPEN = {
    "internal": _LED,
    "osc": _LED,
    "midi": frozenset[str](),
    "link": _LED - {"/position"},
}
"""Which of these may be set while it leads: a host's over OSC are what is followed, and Link's
tempo is everybody's."""

Shown = tuple[str, float, float]
"""State, tempo in BPM, error in ms."""


class Leader:
    """`source` leads the session's transport."""

    def __init__(
        self,
        session: Session,
        monotonic: Callable[[], float],
        link: LinkClock | None = None,
    ) -> None:
        self.source = "internal"
        self.midi = MidiClock()
        self._osc = OscClock()
        self._link = link or LinkClock()
        self._session = session
        self._monotonic = monotonic
        self._follower = Follower(session)
        self._device = Device(0, 0.0, session.rate)
        self._reading = Reading()
        self._was_playing: bool | None = None
        self._to_start = False
        session.starting = self._starting

    def check(self, source: str) -> None:
        """Raises BadValue if it cannot lead, with the remedy."""
        if source == "link":
            self._link.check(self._session.transport.bpm)

    def choose(self, source: str) -> None:
        """Have another lead from now on. Raises BadValue, and stays with the old one."""
        if source == self.source:
            return
        self.check(source)
        if self.source == "link":
            self._link.leave()
        transport = self._session.transport
        if source == "link":
            self._link.join(transport.bpm)
        elif source == "osc":
            self._osc.begin(transport.bpm, playing=transport.playing)
        self.source = source
        self._was_playing, self._to_start = None, False
        self._reading = Reading()

    def refusal(self, source: str, path: str) -> str:
        """Why `path` cannot be set while `source` leads; empty if it can."""
        if path not in _LED or path in _OPEN[source]:
            return ""
        return f"the {source} clock leads: /clock internal to set it here"

    # What the protocol asks for

    def set_tempo(self, at: int, bpm: float) -> None:
        if self.source == "osc":
            self._osc.tempo(bpm, self._instant_s(at))
        elif self.source == "link":
            self._link.propose_tempo(bpm)
        else:
            self._session.set_tempo(at, bpm)

    def locate(self, at: int, beat: float) -> None:
        if self.source == "osc":
            self._osc.position(beat, self._instant_s(at))
            if self._session.transport.playing:
                return
        self._session.locate(at, beat)

    def play(self, at: int, *, resume: bool = False, address: str = "/play") -> None:
        if self.source == "osc":
            self._osc.play(self._instant_s(at))
            self._reading = self._osc.read(self._monotonic())
            self._was_playing = True
        elif self.source == "link":
            self._link.propose_playing(True)
            self._was_playing = True
        self._session.play(at, resume=resume, address=address)

    def stop(self) -> None:
        self._to_start = False
        if self.source == "osc":
            self._osc.stop(self._monotonic())
            self._was_playing = False
        elif self.source == "link":
            self._link.propose_playing(False)
            self._was_playing = False
        self._session.stop()

    def _instant_s(self, at: int) -> float:
        """When what is meant for sample `at` is measured: now, or at its time tag."""
        if at <= self._session.now:
            return self._monotonic()
        return self._device.time_at(at)

    # Every turn of the conductor

    def turn(self, now_s: float, device: Device) -> None:
        """Follow whoever leads. `device`: which sample it takes when."""
        self._device = device
        midi = self.midi.read(now_s)
        if self.source == "internal":
            return
        if self.source == "midi":
            self._reading = midi
        elif self.source == "osc":
            self._reading = self._osc.read(now_s)
        else:
            bar_beats = self._session.transport.meter.beats_per_bar
            self._reading = self._link.read(now_s, bar_beats)
        self._start_or_stop()
        self._follow(now_s)

    def _start_or_stop(self) -> None:
        playing, before = self._reading.playing, self._was_playing
        self._was_playing = playing
        if playing and not before:
            self._to_start = True
        elif before and not playing:
            self._to_start = False
            self._session.stop()
            self._session.revision += 1
        if self._to_start and self._reading.line is not None:
            self._to_start = False
            self._session.play(self._session.now, address="/clock")
            self._session.revision += 1

    def _follow(self, now_s: float) -> None:
        reading = self._reading
        if reading.bpm is None or not reading.alive:
            return
        if self._session.transport.playing and reading.line is not None:
            self._follower.follow(reading.line, reading.bar_beats, self._device, now_s)
        else:
            self._follower.hold(reading.bpm, now_s)

    def _starting(self, at: int, beat: float) -> tuple[int, float]:
        """Where the transport starts that is asked to at `at`, with `beat`: where the leader is,
        or with its next bar if only that is shared."""
        line = self._reading.line
        if self.source == "internal" or line is None:
            return at, beat
        at_s = self._device.time_at(max(at, self._session.now)) + START_S
        bar_beats = self._reading.bar_beats
        if bar_beats:
            at_s = line.time_at(ceil(line.beat_at(at_s) / bar_beats) * bar_beats)
            sample = round(self._device.sample_at(at_s))
            return sample, beat // bar_beats * bar_beats
        sample = round(self._device.sample_at(max(at_s, line.time_at(0.0))))
        return sample, max(0.0, line.beat_at(self._device.time_at(sample)))

    # What is shown

    def shown(self) -> Shown:
        """How it follows, for `/clock/state`."""
        return self._state(), float(self._session.transport.bpm), round(self._error_ms(), 1)

    def _state(self) -> str:
        if self.source == "internal":
            return "internal"
        if self._reading.alive and self._reading.bpm is not None:
            return "following"
        return "lost" if self._reading.playing and self._reading.line is not None else "waiting"

    def _error_ms(self) -> float:
        """How far the transport is behind its leader at what is mixed next."""
        reading, session = self._reading, self._session
        if self.source == "internal" or reading.line is None or not session.transport.playing:
            return 0.0
        error_beats = self._follower.error_beats(
            reading.line, reading.bar_beats, self._device, session.now
        )
        return error_beats * 60_000.0 / reading.line.bpm
