"""The transport: whether it plays, where, how fast, in which metre.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from bridge.time.tempo import Anchor, Meter, TempoMap


class Transport:
    """Play state and position on the timeline of output samples.

    Stopped, it holds `position_beats`; `/play` starts where it was last placed (0, or the last
    `/position`), `/continue` where it stopped, as MIDI's start and continue do.
    """

    def __init__(self, rate: int, bpm: float = 120.0) -> None:
        self.rate = rate
        self.playing = False
        self.meter = Meter()
        self.bpm = bpm
        """The tempo asked for last; it may begin a few milliseconds from now."""
        self._placed_beat = 0.0
        self._held_beat = 0.0
        self.map = TempoMap(rate, Anchor(0, 0.0, bpm))

    @property
    def placed_beat(self) -> float:
        return self._placed_beat

    @property
    def held_beat(self) -> float:
        return self._held_beat

    def beat_at(self, sample: float) -> float:
        return self.map.beat_at(sample) if self.playing else self._held_beat

    def sample_at(self, beat: float) -> int:
        """The output sample nearest to `beat`; meaningful while it plays."""
        return round(self.map.sample_at(beat))

    def start(self, sample: int, beat: float) -> None:
        self.map = TempoMap(self.rate, Anchor(sample, beat, self.bpm))
        self.playing = True

    def stop(self, sample: int) -> None:
        self._held_beat = self.beat_at(sample)
        self.playing = False

    def change_tempo(self, sample: int) -> None:
        """From `sample` on play at `bpm`."""
        if self.playing:
            self.map.change(sample, bpm=self.bpm)

    def bend(self, sample: int, bpm: float, settled: int, settled_bpm: float) -> None:
        """From `sample` on play at `bpm`, and from `settled` on at `settled_bpm`."""
        self.bpm = settled_bpm
        if self.playing:
            self.map.change(sample, bpm=bpm)
            self.map.change(settled, bpm=settled_bpm)

    def locate(self, sample: int, beat: float) -> None:
        """Go to `beat`: at `sample` if it plays, else for the next start."""
        self._placed_beat = beat
        self._held_beat = beat
        self.meter = Meter(self.meter.numerator, self.meter.denominator)
        if self.playing:
            # A change of tempo that was planned after it must not be lost with its place.
            self.map.change(sample, bpm=self.bpm, beat=beat)

    def set_signature(self, sample: int, numerator: int, denominator: int) -> None:
        self.meter = self.meter.change(self.beat_at(sample), numerator, denominator)
