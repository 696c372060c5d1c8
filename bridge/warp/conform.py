"""A whole recording, or a render, through the tempo lock: the same one that decks play through.

Threading: one thread owns a `Conform`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bridge.time.tempo import Anchor, Meter, TempoMap
from bridge.warp.beats import LOOKAHEAD_S
from bridge.warp.lock import Cut, TempoLock
from bridge.warp.stretch import cut
from engine.api import Audio

LISTEN_S = 12.0
"""Heard before the first sample goes out, so that the first bar is known: six bars at 120 BPM."""
_PIECE_S = 0.1
_FOREVER = 2**62


@dataclass(slots=True)
class Judgement:
    """How the beats of a recording lie, by the tracker that they were found with."""

    beats: int = 0
    before_ms: list[float] = field(default_factory=list)
    """Of each beat: from the nearest of a grid at the wanted tempo, laid through the first."""
    after_ms: list[float] = field(default_factory=list)
    """The same in the output, from the transport's."""
    locked_samples: int = 0
    made_samples: int = 0

    @property
    def locked_share(self) -> float:
        return self.locked_samples / max(1, self.made_samples)


class Conform:
    """Brings a stream of a known end to `bpm`, its first bar on output sample 0."""

    def __init__(
        self, rate: int, channels: int, bpm: float, from_bpm: float | None = None,
        meter: Meter | None = None, cutting: Cut = cut,
    ) -> None:  # fmt: skip
        """`from_bpm`: about the recording's own tempo; without it, about `bpm`. `cutting`: where
        it is stretched."""
        self.tempo = TempoMap(rate, Anchor(0, 0.0, bpm))
        self.meter = meter or Meter()
        self.lock = TempoLock(rate, channels, from_bpm or bpm, self.meter.beats_per_bar, cutting)
        self.judgement = Judgement()
        self._rate = rate
        self._channels = channels
        self._piece = round(_PIECE_S * rate)
        self._rest: Audio = np.zeros((0, channels), np.float32)
        self._started = False
        self._begins = 0.0
        self._judged = 0.0
        self._first_beat: float | None = None
        self._end = _FOREVER
        """Of the recording, once that is known."""

    @property
    def dropped_s(self) -> float:
        """What lies before the first bar, and is not heard."""
        return max(0.0, self._begins) / self._rate

    def feed(self, audio: Audio) -> Iterator[Audio]:
        """Take in float32 `[samples, channels]`, and give out what that makes."""
        audio = np.concatenate([self._rest, audio])
        # Pieces of one length, so that the same recording gives the same output however it comes.
        whole = len(audio) // self._piece * self._piece
        for at in range(0, whole, self._piece):
            self.lock.feed(audio[at : at + self._piece])
            if self._started or self.lock.fed >= LISTEN_S * self._rate:
                yield from self._render()
        self._rest = audio[whole:].copy()

    def finish(self) -> Iterator[Audio]:
        """The rest, once all has been fed."""
        self.lock.feed(self._rest)
        self._end = end = self.lock.fed
        silence = np.zeros((round((LOOKAHEAD_S + 0.5) * self._rate), self._channels), np.float32)
        self.lock.feed(silence)
        if not self._started:
            self._start()
        while (at := self.lock.position) < self._last(end):
            audio = self._next(ended=True)
            if audio is None:
                break
            yield audio[: max(0, self._last(end) - at)]

    def _last(self, end: int) -> int:
        """Where the recording's end lies in the output, as far as that is known."""
        return round(self.lock.output_at(end))

    def _start(self) -> None:
        self._started = True
        self.lock.start(0, self.tempo, self.meter)
        self._begins = self.lock.source_at(0)
        self._judged = self._begins - 1.0

    def _render(self) -> Iterator[Audio]:
        if not self._started:
            self._start()
        while (audio := self._next()) is not None:
            yield audio

    def _next(self, *, ended: bool = False) -> Audio | None:
        audio = self.lock.render(_FOREVER, self.tempo)
        if audio is None and ended:
            # The beat after the last one never comes.
            audio = self.lock.render(_FOREVER, self.tempo, force=True)
        if audio is not None:
            self.judgement.made_samples += len(audio)
            if self.lock.state == "locked":
                self.judgement.locked_samples += len(audio)
            self._judge()
        return audio

    def _judge(self) -> None:
        """Note how the beats lie that have just been given out."""
        heard = min(self.lock.source_at(self.lock.position), self._end)
        beats = self.lock.beats(self._judged + 1.0, heard) if heard > self._judged + 1.0 else []
        for beat in beats:
            self._judged = beat.sample
            self._first_beat = beat.sample if self._first_beat is None else self._first_beat
            self.judgement.beats += 1
            self.judgement.before_ms.append(self._off_ms(beat.sample - self._first_beat))
            self.judgement.after_ms.append(self._off_ms(self.lock.output_at(beat.sample)))

    def _off_ms(self, sample: float) -> float:
        step = self.lock.step_beats
        beat = round(self.tempo.beat_at(sample) / step) * step
        return abs(self.tempo.sample_at(beat) - sample) * 1000.0 / self._rate
