"""The beat of a stream, followed as it arrives.

Four times a second it looks back over some seconds of onset strength: a comb of autocorrelations
gives the tempo, near the one that is expected; dynamic programming (Ellis, "Beat tracking by
dynamic programming", 2007) gives the beats; and each is moved to the attack that it belongs to, as
players do not play by a ruler. What is older than `LOOKAHEAD_S` is settled then.

Threading: one thread owns a tracker.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bridge.warp.onsets import FPS, KEPT_S, Frames, Onsets, attack
from engine.api import Audio

LOOKAHEAD_S = 1.0
"""Beats this old are settled: what comes later does not change them."""

_LOOK_FRAMES = 25
"""Between two looks."""
_TEMPO_S = 8.0
"""Over which the tempo is found: four bars at 120 BPM."""
_PATH_S = 6.0
"""Over which beats are found together."""
_LEAST_S = 2.5
"""Before so much has been heard there is nothing to find."""
_DECIDED_S = 8.0
"""After so much it is known whether there is a beat."""
_NEAR = 1.25
"""The expected tempo may be off by so much either way."""
_FAR = 2.5
_FAR_BETTER = 1.6
"""Another tempo than one near what is expected must fit so much better."""
_COMB = 6
"""Beats that the comb reaches over."""
_PRIOR_WIDTH, _LAST_WIDTH = 0.12, 0.04
"""Standard deviations, as logarithms: from the tempo asked for, and from the last one found."""
_TIGHTNESS = 160.0
"""How much a beat dislikes to be early or late, against onsets of standard deviation 1."""
_CLEAR, _UNCLEAR = 0.30, 0.18
"""Autocorrelation at the beat above which there is a clear one, and below which there is none."""
_LEAST_FLUX = 0.3
"""Standard deviation of the onset strength of music with any attacks; that of a pad is a tenth."""
_REACH_S = 0.03
"""From where a beat is found in frames to its attack."""
_STRONG = 0.35
"""An attack that gets louder by so much is the beat; a weaker one may be another's."""
_ACCENTS = 16
"""Beats back over which it is judged where bars begin."""


@dataclass(frozen=True, slots=True)
class Beat:
    sample: float
    """Of the stream."""
    strength: float
    """0..1, how much of an attack there is; 0: it is only where a beat would be."""
    downbeat: float = 0.0
    """0..1, how likely a bar begins here."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a look knows from those before it."""

    prior_bpm: float
    bpm: float
    clear: bool = False
    settled: int = 0
    """How many beats were settled, since the stream began."""
    frames: int = 0
    """Of which it was."""


class BeatTracker:
    """See the module. Memory is bounded: beats older than `KEPT_S` are forgotten."""

    def __init__(self, rate: int, bpm: float, beats_per_bar: int = 4) -> None:
        """`bpm`: the tempo that the stream was asked for."""
        self.rate = rate
        self._per_bar = beats_per_bar
        self._onsets = Onsets(rate)
        self._states = [_State(bpm, bpm)]
        self._settled: list[Beat] = []
        self._accents: list[float] = []
        """Of the settled beats: how much they sound like the first of a bar."""
        self._dropped = 0
        """Settled beats that are forgotten."""
        self._coming: list[Beat] = []

    @property
    def fed(self) -> int:
        """Samples of the stream so far."""
        return self._onsets.fed

    @property
    def settled(self) -> int:
        """Beats before this sample will not change any more."""
        looked = self._states[-1].frames * self._onsets.hop
        return max(0, looked - round(LOOKAHEAD_S * self.rate))

    @property
    def clear(self) -> bool:
        """Whether there is a beat that can be followed."""
        return self._states[-1].clear

    @property
    def decided(self) -> bool:
        """Whether enough has been heard to say that there is none."""
        return self.fed > _DECIDED_S * self.rate

    @property
    def bpm(self) -> float:
        """As it is now."""
        return self._states[-1].bpm

    def feed(self, audio: Audio) -> None:
        """The next samples, float32 `[samples, channels]`, in pieces of any size."""
        at = 0
        while at < len(audio):
            due = (self._states[-1].frames + _LOOK_FRAMES - 1) * self._onsets.hop
            n = max(1, due + self._onsets.window - self.fed)
            self._onsets.feed(audio[at : at + n])
            at += n
            if self._onsets.count >= self._states[-1].frames + _LOOK_FRAMES:
                self._look(self._states[-1].frames + _LOOK_FRAMES)

    def expect(self, bpm: float) -> None:
        """What is fed from now on is meant to be at another tempo."""
        self._states[-1] = replace(self._states[-1], prior_bpm=bpm)

    def rewind(self, sample: int) -> None:
        """Forget what follows `sample`: it is as if that had never been fed."""
        self._onsets.rewind(sample)
        while len(self._states) > 1 and self._states[-1].frames > self._onsets.count:
            self._states.pop()
        kept = max(0, self._states[-1].settled - self._dropped)
        del self._settled[kept:], self._accents[kept:]
        self._coming = self._path(self._states[-1])

    def beats(self, first: float, last: float) -> list[Beat]:
        """Those from sample `first` up to `last`: settled, then likely, then merely expected."""
        known = [*self._settled, *self._coming]
        if known and self.clear:
            period = 60.0 / self.bpm * self.rate
            while known[-1].sample + period < last:
                known.append(Beat(known[-1].sample + period, 0.0))
        low = bisect_left(known, first, key=lambda beat: beat.sample)
        high = bisect_left(known, last, key=lambda beat: beat.sample)
        return [self._with_downbeat(i, known[i]) for i in range(low, high)]

    def _with_downbeat(self, index: int, beat: Beat) -> Beat:
        scores = self._bar_scores()
        return replace(beat, downbeat=scores[(index + self._dropped) % self._per_bar])

    def _bar_scores(self) -> list[float]:
        """How well bars begin with each of so many beats, 0..1, by the last beats' accents."""
        sums = np.zeros(self._per_bar)
        first = max(0, len(self._accents) - _ACCENTS)
        for i in range(first, len(self._accents)):
            sums[(i + self._dropped) % self._per_bar] += self._accents[i]
        top = float(sums.max(initial=0.0))
        return [float(s / top) if top > 0 else 0.0 for s in sums]

    def _look(self, frames: int) -> None:
        """At all that was heard up to a frame."""
        state = replace(self._states[-1], frames=frames)
        if frames >= _LEAST_S * FPS:
            state = self._tempo(state)
            self._coming = self._path(state)
            state = self._settle(state)
        self._states.append(state)
        if len(self._states) > KEPT_S * FPS / _LOOK_FRAMES:
            del self._states[0]
        self._forget()

    def _tempo(self, state: _State) -> _State:
        """Find the tempo, and whether there is a clear one."""
        first = max(self._onsets.first, state.frames - round(_TEMPO_S * FPS))
        strength = _smooth(self._onsets.strength(first, state.frames))
        wave = strength - strength.mean()
        if wave.std() < _LEAST_FLUX:
            return replace(state, clear=False)
        near = _scored(wave, state.prior_bpm, _NEAR)
        far = _scored(wave, state.prior_bpm, _FAR)
        last_bpm = state.bpm if state.clear else None
        bpm, score = _best(*near, state.prior_bpm, last_bpm)
        far_bpm, far_score = _best(*far, None, last_bpm)
        if far_score > _FAR_BETTER * score and far_score > _CLEAR:
            bpm, score = far_bpm, far_score
        clear = score > (_UNCLEAR if state.clear else _CLEAR)
        return replace(state, clear=clear, bpm=bpm if clear else state.bpm)

    def _path(self, state: _State) -> list[Beat]:
        """The likeliest beats after the settled ones, up to the frame of `state`."""
        if not state.clear:
            return []
        first = max(self._onsets.first, state.frames - round(_PATH_S * FPS))
        strength = _smooth(self._onsets.strength(first, state.frames))
        period = 60.0 * FPS / state.bpm
        frames = _dynamic(strength / max(float(strength.std()), 1e-6), period)
        after = self._settled[-1].sample if self._settled else -1.0
        samples = ((first + f) * self._onsets.hop + 0.6 * self._onsets.window for f in frames)
        beats = [self._attacked(s) for s in samples]
        half = 0.5 * 60.0 / state.bpm * self.rate
        return [b for b in beats if after < 0 or b.sample > after + half]

    def _attacked(self, sample: float) -> Beat:
        """Moved to its attack."""
        at, strength = attack(self._onsets, sample, _REACH_S)
        return Beat(at, strength) if strength > _STRONG else Beat(sample, 0.5 * strength)

    def _settle(self, state: _State) -> _State:
        limit = state.frames * self._onsets.hop - round(LOOKAHEAD_S * self.rate)
        done = [beat for beat in self._coming if beat.sample < limit]
        for beat in done:
            self._accents.append(self._accent(beat, state.bpm))
            self._settled.append(beat)
        self._coming = self._coming[len(done) :]
        return replace(state, settled=state.settled + len(done))

    def _accent(self, beat: Beat, bpm: float) -> float:
        """How much it sounds like the first of a bar: bass, and another harmony than before."""
        frame = round((beat.sample - 0.6 * self._onsets.window) / self._onsets.hop)
        period = round(60.0 * FPS / bpm)
        bass = float(self._onsets.bass(frame - 2, frame + 3).max(initial=0.0))
        before = self._onsets.spectrum(frame - period, frame - 1)
        after = self._onsets.spectrum(frame + 1, frame + period)
        return bass + float(np.maximum(after - before, 0.0).sum())

    def _forget(self) -> None:
        oldest = self.fed - KEPT_S * self.rate
        gone = bisect_left(self._settled, oldest, key=lambda beat: beat.sample)
        gone -= gone % self._per_bar
        if gone > _ACCENTS:
            del self._settled[:gone], self._accents[:gone]
            self._dropped += gone


def _smooth(strength: Frames) -> NDArray[np.float64]:
    """With a bell of 20 ms, so that players' jitter does not keep beats from meeting."""
    bell = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
    return np.convolve(strength, bell / bell.sum(), mode="same")


def _scored(
    wave: NDArray[np.float64], bpm: float, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tempos within a factor of `reach` of `bpm`, and for each the mean autocorrelation at
    1 .. `_COMB` of its beats, 1 at most."""
    steps = round(np.log(reach) / 0.002)
    bpms = bpm * np.exp(np.linspace(-np.log(reach), np.log(reach), 2 * steps + 1))
    size = 2 ** int(np.ceil(np.log2(2 * len(wave))))
    spectrum = np.fft.rfft(wave, size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: len(wave)]
    counts = len(wave) - np.arange(len(wave))
    correlation = products / products[0] * len(wave) / counts
    scores = np.zeros(len(bpms))
    weights = np.zeros(len(bpms))
    for beats in range(1, _COMB + 1):
        lags = beats * 60.0 * FPS / bpms
        known = lags < 0.75 * len(wave)
        values = np.interp(lags, np.arange(len(wave)), correlation)
        scores += np.where(known, values, 0.0)
        weights += known
    return bpms, scores / np.maximum(weights, 1.0)


def _best(
    bpms: NDArray[np.float64],
    scores: NDArray[np.float64],
    prior_bpm: float | None,
    last_bpm: float | None,
) -> tuple[float, float]:
    """The best tempo, by score and by what is expected, and its score."""
    weighed = np.maximum(scores, 0.0)
    for bpm, width in ((prior_bpm, _PRIOR_WIDTH), (last_bpm, _LAST_WIDTH)):
        if bpm is not None:
            weighed = weighed * (0.5 + 0.5 * np.exp(-0.5 * (np.log(bpms / bpm) / width) ** 2))
    i = int(np.argmax(weighed))
    return float(bpms[i]), float(scores[i])


def _dynamic(strength: NDArray[np.float64], period: float) -> list[int]:
    """The frames of the best path from beat to beat (Ellis 2007, equations 5 and 6)."""
    shortest, longest = round(period / 2), round(2 * period)
    lags = np.arange(shortest, longest + 1)
    dislike = -_TIGHTNESS * np.log(lags / period) ** 2
    total = strength.copy()
    back = np.full(len(strength), -1)
    for t in range(shortest, len(strength)):
        n = min(len(lags), t - shortest + 1)
        candidates = total[t - lags[:n]] + dislike[:n]
        best = int(np.argmax(candidates))
        if candidates[best] > 0:
            total[t] += candidates[best]
            back[t] = t - lags[best]
    last = len(strength) - round(period)
    t = last + int(np.argmax(total[last:]))
    path = []
    while t >= 0:
        path.append(t)
        t = int(back[t])
    return path[::-1]
