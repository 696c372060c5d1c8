"""The beat of a stream, followed as it arrives.

Four times a second it looks back over some seconds of onset strength. A comb of autocorrelations
gives the tempo, near the one that is expected. Folded by that, the seconds before say where in a
beat the accents are. Dynamic programming (Ellis, "Beat tracking by dynamic programming", 2007)
goes on from the last settled beat by both, and each beat is moved to the attack that it belongs
to, as players do not play by a ruler. What is older than `LOOKAHEAD_S` is settled then.

Going on from the last beat is what keeps it from changing between beats and off-beats with every
look; where the accents have lain elsewhere for long enough, it starts afresh from those.

Threading: one thread owns a tracker.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray

from bridge.warp.bars import Accent, accent, bar_likelihoods
from bridge.warp.onsets import FPS, KEPT_S, Onsets, attack
from bridge.warp.pulse import Wave, find_pulse, fold, follow
from engine.api import Audio

LOOKAHEAD_S = 1.0
"""Beats this old are settled: what comes later does not change them."""

_LOOK_FRAMES = 25
"""Between two looks."""
_TEMPO_S = 8.0
"""Over which the tempo is found: four bars at 120 BPM."""
_LEAST_S = 2.5
"""Before so much has been heard there is nothing to find."""
_DECIDED_S = 8.0
"""After so much it is known whether there is a beat."""
_LEAST_FLUX = 0.3
"""Standard deviation of the onset strength of music with any attacks; that of a pad is a tenth."""
_CLEAR, _UNCLEAR = 0.30, 0.15
"""How strong the pulse is from which there is a clear beat, and below which there is none."""
_EARLY_CLEAR = 0.25
"""So much more of it at the very beginning: a few syllables can seem to have a beat."""
_DOUBTS = 8
"""Looks in a row without a pulse after which there is no clear beat any more: a break in the drums
has ended by then."""
_REACH_S = 0.03
"""From where a beat is found in frames to its attack."""
_STRONG = 0.35
"""An attack that gets louder by so much is the beat; a weaker one may be another's."""
_ASTRAY, _ASTRAY_FOR = 1.2, 1.5
"""Accents so much stronger in another phase than the beats' are evidence, as a logarithm for each
look; with so much of it the beats go there."""
_RELIEF = 0.3
"""Evidence that is gone for each look at which they are not."""
_GAP_S = 4.0
"""After so much without a beat it is not gone on from the last."""
_BARS_BEATS = 32
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
class _Settled:
    beat: Beat
    number: int
    """Counted with those that were not found between two that were."""
    accent: Accent


@dataclass(frozen=True, slots=True)
class _State:
    """What a look knows, and leaves to the next."""

    bpm: float
    frames: int = 0
    """At which it was."""
    clear: bool = False
    doubt: int = 0
    """Looks without a pulse."""
    settled: int = 0
    """How many beats were, since the stream began."""
    coming: tuple[Beat, ...] = ()
    anchor: int | None = None
    """The frame from which beats go on: of the last settled one, or where that should have been."""
    astray: float = 0.0
    """Evidence that the beats are elsewhere."""


class BeatTracker:
    """See the module. Memory is bounded: beats older than `KEPT_S` are forgotten."""

    def __init__(self, rate: int, bpm: float, beats_per_bar: int = 4) -> None:
        """`bpm`: the tempo that the stream was asked for."""
        self.rate = rate
        self._per_bar = beats_per_bar
        self._prior_bpm = bpm
        self._onsets = Onsets(rate)
        self._states = [_State(bpm)]
        self._settled: list[_Settled] = []
        self._dropped = 0
        """Settled beats that are forgotten."""

    @property
    def fed(self) -> int:
        """Samples of the stream so far."""
        return self._onsets.fed

    @property
    def settled(self) -> int:
        """Beats before this sample will not change any more."""
        return self._limit(self._states[-1].frames)

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
            due = self._states[-1].frames + _LOOK_FRAMES
            n = max(1, (due - 1) * self._onsets.hop + self._onsets.window - self.fed)
            self._onsets.feed(audio[at : at + n])
            at += n
            if self._onsets.count >= due:
                self._look(due)

    def expect(self, bpm: float) -> None:
        """What is fed from now on is meant to be at another tempo; a rewind does not change that,
        as it is for the sake of what is meant that a stream is made again."""
        self._prior_bpm = bpm

    def rewind(self, sample: int) -> None:
        """Forget what follows `sample`: it is as if that had never been fed."""
        self._onsets.rewind(sample)
        while len(self._states) > 1 and self._states[-1].frames > self._onsets.count:
            self._states.pop()
        del self._settled[max(0, self._states[-1].settled - self._dropped) :]

    def beats(self, first: float, last: float) -> list[Beat]:
        """Those from sample `first` up to `last`: settled, then likely, then merely expected."""
        known = [one.beat for one in self._settled] + list(self._states[-1].coming)
        period = self._period
        if known and self.clear:
            while known[-1].sample + period < last:
                known.append(Beat(known[-1].sample + period, 0.0))
        low = bisect_left(known, first, key=lambda beat: beat.sample)
        high = bisect_left(known, last, key=lambda beat: beat.sample)
        likely = self._likelihoods() if low < high else []
        return [
            replace(known[i], downbeat=likely[self._number(known, i) % self._per_bar])
            for i in range(low, high)
        ]

    @property
    def _period(self) -> float:
        """Samples from beat to beat."""
        return 60.0 / self.bpm * self.rate

    def _limit(self, frames: int) -> int:
        return max(0, frames * self._onsets.hop - round(LOOKAHEAD_S * self.rate))

    def _number(self, known: list[Beat], index: int) -> int:
        """A beat's place in the count, which goes on from the last settled one."""
        last = len(self._settled) - 1
        if index <= last:
            return self._settled[index].number
        return self._settled[last].number + index - last if self._settled else index

    def _likelihoods(self) -> list[float]:
        recent = self._settled[-_BARS_BEATS:]
        return bar_likelihoods([(one.number, one.accent) for one in recent], self._per_bar)

    def _look(self, frames: int) -> None:
        """At all that was heard up to a frame."""
        state = replace(self._states[-1], frames=frames, coming=())
        first = max(self._onsets.first, frames - round(_TEMPO_S * FPS))
        strength = self._onsets.strength(first, frames)
        # A silence before the music has no tempo.
        silent = int(np.argmax(strength > 0.0)) if not state.clear else 0
        if len(strength) - silent >= _LEAST_S * FPS:
            state = self._found(state, _smooth(strength[silent:]), first + silent)
        self._states.append(state)
        if len(self._states) > KEPT_S * FPS / _LOOK_FRAMES:
            del self._states[0]
        self._forget()

    def _found(self, state: _State, wave: Wave, first: int) -> _State:
        """Find the tempo, and the beats if it is clear; `wave` begins with frame `first`."""
        pulse = find_pulse(wave, self._prior_bpm, state.bpm if state.clear else None)
        if wave.std() > _LEAST_FLUX and pulse.strength > self._threshold(state, len(wave)):
            state = replace(state, clear=True, doubt=0, bpm=pulse.bpm)
        else:
            state = self._doubted(state)
        if not state.clear:
            return state
        return self._settle(self._path(state, wave, first))

    def _doubted(self, state: _State) -> _State:
        """Without a pulse: a break is no end, so the beat goes on for a while."""
        doubt = state.doubt + 1
        return replace(state, doubt=doubt, clear=state.clear and doubt < _DOUBTS)

    def _threshold(self, state: _State, frames: int) -> float:
        """By whether there was a clear beat, and of how many frames it is judged."""
        if state.clear:
            return _UNCLEAR
        heard = min(1.0, (frames / FPS - _LEAST_S) / (_DECIDED_S - _LEAST_S))
        return _CLEAR + _EARLY_CLEAR * (1.0 - heard)

    def _path(self, state: _State, wave: Wave, first: int) -> _State:
        """With the likeliest beats after the settled ones."""
        period = 60.0 * FPS / state.bpm
        weight = self._onsets.weight(first, state.frames)
        profile = fold(_smooth(weight), period)  # [frames], back from the end of `wave`
        usual = len(wave) - 1 - int(np.argmax(profile))  # a frame where accents usually are
        anchor, astray = state.anchor, 0.0
        if anchor is None or state.frames - anchor > _GAP_S * FPS:
            anchor = first + int(usual % period)
        else:
            off = (first + usual - anchor + 0.5 * period) % period - 0.5 * period
            astray = max(0.0, state.astray + _gain(profile, off, period))
            if astray > _ASTRAY_FOR:
                anchor, astray = round(anchor + off), 0.0
        frames = follow(wave, profile, period, max(0, anchor - first))
        samples = ((first + f) * self._onsets.hop + 0.6 * self._onsets.window for f in frames)
        beats = tuple(self._attacked(s) for s in samples)
        if self._settled:
            least = self._settled[-1].beat.sample + 0.5 * period * self._onsets.hop
            beats = tuple(beat for beat in beats if beat.sample > least)
        return replace(state, coming=beats, anchor=anchor, astray=astray)

    def _attacked(self, sample: float) -> Beat:
        """Moved to its attack."""
        at, strength = attack(self._onsets, sample, _REACH_S)
        return Beat(at, strength) if strength > _STRONG else Beat(sample, 0.5 * strength)

    def _settle(self, state: _State) -> _State:
        limit = self._limit(state.frames)
        done = [beat for beat in state.coming if beat.sample < limit]
        period = 60.0 / state.bpm * self.rate
        for beat in done:
            number = 0
            if self._settled:
                last = self._settled[-1]
                number = last.number + max(1, round((beat.sample - last.beat.sample) / period))
            heard = accent(self._onsets, beat.sample, period)
            self._settled.append(_Settled(beat, number, heard))
        if not done:
            return state
        return replace(
            state,
            settled=state.settled + len(done),
            coming=state.coming[len(done) :],
            anchor=round(self._frame(done[-1].sample)),
        )

    def _frame(self, sample: float) -> float:
        """On which an attack on a sample shows."""
        return (sample - 0.6 * self._onsets.window) / self._onsets.hop

    def _forget(self) -> None:
        oldest = self.fed - KEPT_S * self.rate
        gone = bisect_left(self._settled, oldest, key=lambda one: one.beat.sample)
        if gone > _BARS_BEATS:
            del self._settled[:gone]
            self._dropped += gone


def _gain(profile: Wave, off: float, period: float) -> float:
    """How much stronger accents are where they are strongest than `off` frames before, where the
    beats are, as a logarithm less what chance makes of it."""
    if abs(off) <= 0.12 * period:
        return -_RELIEF
    best = int(np.argmax(profile))
    beats = [float(profile[round(best + off + d) % len(profile)]) for d in range(-2, 3)]
    gain = max(float(profile[best]), 1e-9) / max(*beats, 1e-9)
    return log(gain / _ASTRAY)


def _smooth(strength: NDArray[np.float32]) -> Wave:
    """With a bell of 20 ms, so that players' jitter does not keep beats from meeting."""
    bell = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
    return np.convolve(strength, bell / bell.sum(), mode="same")
