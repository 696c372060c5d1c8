"""Where in a recording a drum is struck, to a fraction of a sample.

A matched filter: the passage's first strike is the pattern, every other is found where it fits
best. Strikes of one drum are the same samples but for their level, so the fit is exact; what does
not fit well (another drum on top, a ghost note) is left out. Both are differentiated first: that
weighs the attack, which is sharp, over the body, which rings on under the next strike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio

PATTERN_S = 0.03
_BEFORE_S = 0.002
_HOP_S = 0.001
_STRONG = 0.25
"""Of the strongest attack's energy: what the pattern may begin with."""
_ALIKE = 0.95
"""Normalised correlation: less is no clear strike."""
_LEVELS = (0.5, 2.0)
"""Level of a strike, in that of the pattern."""
STEPS_A_BEAT = 4
"""Strikes lie on sixteenths."""
_LEAST = 4
"""Strikes that a fit needs."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a passage's strikes lie on the grid of its tempo."""

    strikes: int
    worst_samples: float
    """The largest distance from the grid; its tempo is given, only its origin is fitted."""
    bpm: float
    """The tempo that fits best, with nothing given."""


def fit_passage(audio: Audio, rate: int, bpm: float) -> Fit | None:
    """Measure float32 `[samples, channels]`, in which one drum plays at `bpm`.

    None if there are too few clear strikes.
    """
    at = strikes(audio, rate)
    if len(at) < _LEAST:
        return None
    step = 60.0 * rate / bpm / STEPS_A_BEAT
    steps = np.round((at - at[0]) / step)
    offsets = at - steps * step
    slope = float(np.polyfit(steps, at, 1)[0])
    return Fit(
        strikes=len(at),
        worst_samples=float(np.abs(offsets - offsets.mean()).max()),
        bpm=60.0 * rate / slope / STEPS_A_BEAT,
    )


def strikes(audio: Audio, rate: int) -> Doubles:
    """Samples (fractional, ascending) at which the passage's first drum is struck, `[strikes]`.

    They share an unknown but equal offset from the drum's true first sample.
    """
    sharp = np.diff(audio.astype(np.float64).mean(axis=1))
    length = round(PATTERN_S * rate)
    begin = _first_attack(sharp, rate)
    if begin is None or begin + length > len(sharp):
        return np.zeros(0)
    pattern = sharp[begin : begin + length]
    fits = _correlate(sharp, pattern)
    energy = np.cumsum(np.concatenate([[0.0], sharp**2]))
    around = np.maximum(energy[length:] - energy[:-length], 1e-12)
    own = float(pattern @ pattern)
    alike, levels = fits / np.sqrt(around * own), fits / own
    clear = (alike >= _ALIKE) & (levels >= _LEVELS[0]) & (levels <= _LEVELS[1])
    return np.array([_summit(alike, i) for i in _peaks(np.where(clear, alike, 0.0), length)])


def _first_attack(sharp: Doubles, rate: int) -> int | None:
    """A little before the first strong attack; None in silence."""
    hop = round(_HOP_S * rate)
    hops = len(sharp) // hop
    if not hops:
        return None
    energy = (sharp[: hops * hop] ** 2).reshape(hops, hop).sum(axis=1)
    if energy.max() <= 0:
        return None
    first = int(np.flatnonzero(energy >= _STRONG * energy.max())[0])
    return max(0, first * hop - round(_BEFORE_S * rate))


def _correlate(signal: Doubles, pattern: Doubles) -> Doubles:
    """`sum(signal[i + j] * pattern[j])` for every i at which the pattern fits in."""
    size = 1 << (len(signal) + len(pattern) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(pattern, size))
    whole: Doubles = np.fft.irfft(spectrum, size)
    return whole[: len(signal) - len(pattern) + 1]


def _peaks(values: Doubles, apart: int) -> list[int]:
    """Places of the maxima above 0 that no higher one within `apart` overshadows, in order."""
    found: list[int] = []
    left = values.copy()
    while (best := int(np.argmax(left))) >= 0 and left[best] > 0:
        found.append(best)
        left[max(0, best - apart) : best + apart + 1] = 0.0
    return sorted(found)


def _summit(values: Doubles, i: int) -> float:
    """Where a parabola through a maximum and its neighbours is highest."""
    if not 0 < i < len(values) - 1:
        return float(i)
    before, here, after = values[i - 1 : i + 2]
    bend = before - 2 * here + after
    return i + 0.5 * float(before - after) / float(bend) if bend < 0 else float(i)
