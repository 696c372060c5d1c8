"""From what an engine makes to a clip: which of it, and how its end runs into its beginning.

Of an engine that keeps no time more is made than is needed, brought onto the grid, and looked at
bar by bar. Of all places where so many whole bars fit, the one is taken that was in time all along,
whose end runs into its beginning best, and that had to be stretched least; of equals the earliest.

Threading: one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bridge.clips.loop import cut_loop, loop_length
from bridge.clips.request import FADE_S, ClipRequest
from bridge.clips.spool import BLOCK_SAMPLES, Spool
from bridge.time.tempo import Meter
from bridge.warp.conform import Conform
from bridge.warp.lock import Cut
from bridge.warp.stretch import cut
from engine.api import Audio

_SEAM_S = 0.25
"""Compared on both sides of a seam: what is heard as the way into a bar."""
_BANDS = 16
_FREE, _STRETCH = 10.0, 4.0
"""What a bar out of time costs, and the stretch (as a logarithm), beside a seam's difference, which
is about 1 between two bars of the same music and 5 between a loud one and a silent one."""


def spare_bars(bars: int) -> int:
    """How many bars more than are needed are made, besides the one before the first."""
    return min(8, max(2, bars // 2))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a loop may be cut."""

    start: int
    cost: float


class Cutter(Protocol):
    """Takes in a render, and puts a clip into a spool."""

    @property
    def state(self) -> str:
        """How the clip lies on the grid: `exact`, `locked` or `free`."""

    def take(self, audio: Audio) -> None:
        """The next samples of the render, float32 `[samples, channels]`."""

    def finish(self) -> None:
        """All is made."""

    def close(self) -> None:
        """Forget what is kept besides the clip. Safe to call twice."""


class FirstBars:
    """The bars after the first one, of an engine that has its beats where they belong; or, of no
    loop, all that is made."""

    state = "exact"

    def __init__(self, request: ClipRequest, rate: int, sound: Spool) -> None:
        length = request.length_samples(rate)
        self._start = request.pre_roll_samples(rate)
        self._end = self._start + length
        self._fade = min(round(FADE_S * rate), self._start, length) if request.bars else 0
        self._have = 0
        self._sound = sound
        self._ends: list[Audio] = []
        """What a loop's end is made of: the fade before its start, and the one before its end."""

    def take(self, audio: Audio) -> None:
        """Put each part of what follows where it belongs."""
        start, end, fade = self._start, self._end, self._fade

        def part(first: int, last: int) -> Audio:
            return audio[max(0, first - self._have) : max(0, last - self._have)]

        if fade:
            self._ends += [part(start - fade, start).copy(), part(end - fade, end).copy()]
        self._sound.append(part(start, end - fade))
        self._have += len(audio)

    def finish(self) -> None:
        if self._fade:
            self._sound.append(cut_loop(np.concatenate(self._ends), *[self._fade] * 3))

    def close(self) -> None:
        """Nothing is kept."""


class BestBars:
    """The best bars of an engine that keeps no time, on the grid."""

    def __init__(
        self, request: ClipRequest, rate: int, sound: Spool, folder: Path, cutting: Cut = cut
    ) -> None:
        """`cutting`: where it is stretched. Raises FolderError if `folder` cannot keep it."""
        self._request = request
        self._rate = rate
        self._sound = sound
        meter = Meter(request.numerator, request.denominator)
        self._conform = Conform(rate, sound.channels, request.bpm, meter=meter, cutting=cutting)
        self._made = Spool(folder, sound.channels)
        self._pieces: list[tuple[int, bool, float]] = []
        """Where each piece begins, whether it is in time, and its stretch."""

    @property
    def state(self) -> str:
        """`locked` or `free`: without a clear beat, the first bars are taken as they are."""
        return "locked" if self._conform.judgement.locked_share > 0.5 else "free"

    @staticmethod
    def source_samples(request: ClipRequest, rate: int) -> int:
        """How much has to be made for a request: its bars, one before them and some to choose
        from; and half as much again, as the engine's own tempo may be the faster one."""
        bars = request.bars + 1 + spare_bars(request.bars)
        return round(1.25 * loop_length(bars, request.beats_per_bar, request.bpm, rate))

    def take(self, audio: Audio) -> None:
        self._keep(self._conform.feed(audio))

    def finish(self) -> None:
        sound = self._sound
        self._keep(self._conform.finish())
        length = self._request.length_samples(self._rate)
        start = self._best(length)
        fade = min(round(FADE_S * self._rate), start, length)
        for at in range(start, start + length - fade, BLOCK_SAMPLES):
            sound.append(self._made.read(at, min(at + BLOCK_SAMPLES, start + length - fade)))
        if fade:
            ends = [self._made.read(start - fade, start)]
            ends.append(self._made.read(start + length - fade, start + length))
            sound.append(cut_loop(np.concatenate(ends), fade, fade, fade))

    def close(self) -> None:
        self._made.close()

    def _keep(self, parts: Iterator[Audio]) -> None:
        lock = self._conform.lock
        for audio in parts:
            at = len(self._made)
            if len(audio):
                stretch = lock.source_at(at + len(audio)) - lock.source_at(at)
                in_time = lock.state == "locked"
                self._pieces.append((at, in_time, abs(float(np.log(stretch / len(audio))))))
                self._made.append(audio)

    def _best(self, length: int) -> int:
        """The first sample of the best loop. Where there is not enough for any, what there is
        is filled up with silence."""
        bar_samples = self._request.beats_per_bar * 60 / self._request.bpm * self._rate
        if len(self._made) < round(bar_samples) + length:
            self._fill(round(bar_samples) + length)
        if self.state == "free":
            return round(bar_samples)
        last = max(1, int((len(self._made) - length) / bar_samples + 1e-6))
        starts = [round(bar * bar_samples) for bar in range(1, last + 1)]
        places = [_Place(start, self._cost(start, start + length)) for start in starts]
        return min(places, key=lambda place: (round(place.cost, 6), place.start)).start

    def _fill(self, samples: int) -> None:
        missing = samples - len(self._made)
        self._made.append(np.zeros((missing, self._made.channels), np.float32))

    def _cost(self, start: int, end: int) -> float:
        within = [p for p in self._pieces if start <= p[0] < end] or [(start, False, 0.0)]
        free = np.mean([not in_time for _, in_time, _ in within])
        stretch = np.mean([stretch for _, _, stretch in within])
        return float(_FREE * free + _STRETCH * stretch + self._seam(start, end))

    def _seam(self, start: int, end: int) -> float:
        """How much what leads to the end differs from what leads to the start, and what follows
        the start from what follows the end: the mean difference of bands in units of 10 dB."""
        n = round(_SEAM_S * self._rate)
        before = np.abs(self._spectrum(end - n) - self._spectrum(start - n)).mean()
        if end + n > len(self._made):
            return float(before)
        after = np.abs(self._spectrum(end) - self._spectrum(start)).mean()
        return float(before + after) / 2

    def _spectrum(self, at: int) -> NDArray[np.float64]:
        """Levels of bands that are evenly wide to the ear, in units of 10 dB, float64 `[bands]`."""
        n = round(_SEAM_S * self._rate)
        mono = self._made.read(max(0, at), max(0, at) + n).mean(axis=1)
        power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) ** 2
        edges = np.geomspace(4, len(power), _BANDS + 1).astype(int)
        sums = np.add.reduceat(power, edges[:-1]) / n**2
        levels: NDArray[np.float64] = np.log10(sums + 1e-9)
        return levels
