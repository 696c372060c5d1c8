"""A clip that is listened to before it is used: in the master, beside the decks, in time with them.

A loop enters on the grid and goes round until it is told to stop: at its own tempo with its very
samples, at another one stretched beat by beat, as a held deck is. In the 5 ms before its line it is
faded in, with what its end leads into it by, so that the attack on the line is whole. While the
transport stands it plays at once and at its own tempo; once that starts, on its bars. What is no
loop is played once, as it is.

Threading: the conductor's thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.audio.mixing import GainRamp, db_to_gain
from bridge.clips.audition import Sound
from bridge.decks.hold import FADE_S, Hold, Workshop
from bridge.time.bars import Passage, beats_of
from bridge.time.grid import next_line
from bridge.time.tempo import Anchor, TempoMap
from bridge.time.transport import Transport
from engine.api import Audio

_RAMP_S = 0.02
"""A fader that is moved makes no steps."""


class _Once:
    """A sound from its beginning to its end."""

    def __init__(self, sound: Sound, fade: int) -> None:
        self._audio = sound.audio
        self._fade = fade
        self._at = 0
        self._end = len(sound.audio)
        self.gone = False

    def leave(self) -> None:
        self._end = min(self._end, self._at + self._fade)

    def over(self, below: Audio, now: int, tempo: TempoMap) -> Audio:
        part = self._audio[self._at : min(self._at + len(below), self._end)]
        rows = np.arange(self._at, self._at + len(part))
        shares = np.minimum(rows + 1, self._end - 1 - rows) / self._fade
        below[: len(part)] += part * np.clip(shares, 0, 1).astype(np.float32)[:, None]
        self._at += len(part)
        self.gone = self._at >= self._end
        return below


@dataclass(frozen=True, slots=True)
class _Coming:
    """What waits for its line."""

    file: str
    voice: Hold | _Once
    grid: str
    lead: int
    """Samples that it comes in before its line."""
    bpm: float
    """Its own tempo."""


class Audition:
    def __init__(self, rate: int, workshop: Workshop) -> None:
        self._rate = rate
        self._workshop = workshop
        self._fade = round(FADE_S * rate)
        self._gain = GainRamp(round(_RAMP_S * rate))
        self.gain_db = 0.0
        self._asked = 0
        self._reading = ""
        self._coming: _Coming | None = None
        self._file = ""
        self._voices: list[Hold | _Once] = []
        """The last one is heard, others are on their way out."""
        self._still = TempoMap(rate, Anchor(0, 0.0, 120.0))
        """What it goes by while the transport stands."""

    @property
    def state(self) -> tuple[str, str]:
        """The file, and `reading`, `armed`, `playing`, or without a file `stopped`."""
        if self._reading:
            return self._reading, "reading"
        if self._coming:
            return self._coming.file, "armed"
        return (self._file, "playing") if self._file else ("", "stopped")

    def set_gain(self, gain_db: float) -> None:
        self.gain_db = gain_db
        move = self._gain.target if self._voices else self._gain.jump
        move(db_to_gain(gain_db))

    def expect(self, file: str) -> int:
        """It is being read; returns what `begin` must be given. What was armed is not any more."""
        self._asked += 1
        self._reading, self._coming = file, None
        return self._asked

    def fail(self, asked: int) -> None:
        """It cannot be read."""
        if asked == self._asked:
            self._reading = ""

    def begin(self, asked: int, sound: Sound, grid: str, transport: Transport) -> None:
        """Play what was expected on the next line of `grid`; nothing, if it was stopped meanwhile
        or another one was asked for."""
        if asked != self._asked:
            return
        self._reading = ""
        if not sound.bars:
            once = _Once(sound, self._fade)
            self._coming = _Coming(sound.file, once, grid, 0, transport.bpm)
            return
        hold = Hold(sound, _passage(sound, self._rate), self._rate, self._workshop)
        if transport.playing:
            hold.prepare(transport.map.anchors[-1].bpm)
        self._coming = _Coming(sound.file, hold, grid, self._fade, sound.bpm)

    def stop(self) -> None:
        """Fade out, at once."""
        self._asked += 1
        self._reading, self._coming, self._file = "", None, ""
        for voice in self._voices:
            voice.leave()

    def add_to(self, master: Audio, now: int, transport: Transport) -> None:
        """Mix what is heard from output sample `now` on into float32 `[samples, 2]`."""
        if self._coming:
            at = self._entry(self._coming, now, len(master), transport)
            if at is not None:
                self._mix(master[: at - now], now, transport)
                self._enter(self._coming, at, transport)
                master, now = master[at - now :], at
        self._mix(master, now, transport)

    def _entry(self, coming: _Coming, now: int, samples: int, transport: Transport) -> int | None:
        """The sample at which it comes in, if that is one of the next `samples`."""
        if not transport.playing:
            return now
        line = self._line(coming, now, transport)
        at = max(now, transport.sample_at(line) - coming.lead)
        return at if at < now + samples else None

    def _line(self, coming: _Coming, now: int, transport: Transport) -> float:
        """The beat that it begins on, if it comes in at `now` or later."""
        beat = transport.beat_at(now + coming.lead)
        return next_line(beat, coming.grid, transport.meter)

    def _enter(self, coming: _Coming, at: int, transport: Transport) -> None:
        for voice in self._voices:
            voice.leave()
        if isinstance(coming.voice, Hold):
            if transport.playing:
                coming.voice.lie_at(self._line(coming, at, transport))
            self._still = TempoMap(self._rate, Anchor(at + coming.lead, 0.0, coming.bpm))
        self._voices.append(coming.voice)
        self._file, self._coming = coming.file, None

    def _mix(self, master: Audio, now: int, transport: Transport) -> None:
        if not self._voices or not len(master):
            return
        tempo = transport.map if transport.playing else self._still
        heard = np.zeros_like(master)
        for voice in self._voices:
            heard += voice.over(np.zeros_like(master), now, tempo)
        master += self._gain.apply(heard)
        self._voices = [voice for voice in self._voices if not voice.gone]
        if not self._voices:
            self._file = ""


def _passage(sound: Sound, rate: int) -> Passage:
    """Where the beats of a loop lie in it."""
    steps = beats_of(sound.bars * sound.meter.beats_per_bar)
    beat_samples = 60.0 * rate / sound.bpm
    marks = (*(step * beat_samples for step in steps[:-1]), float(len(sound.audio)))
    return Passage(sound.bars, sound.meter, 0.0, sound.bpm, marks, 0)
