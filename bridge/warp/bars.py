"""Where bars begin, by what their first beats have in common: bass, another harmony than before,
and no snare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bridge.warp.onsets import Onsets

Chroma = NDArray[np.float64]

_LOW_HZ, _HIGH_HZ = 50.0, 1200.0
_LONGEST_S = 0.9
"""Of a beat that is listened to for its harmony: as much as has been heard when it is settled."""
_WEIGHTS = (0.8, -0.6, 1.4)
"""Of bass, brightness and change."""
_CERTAINTY = 3.0


@dataclass(frozen=True, slots=True)
class Accent:
    """Of one beat."""

    bass: float
    bright: float
    chroma: Chroma
    """Of what sounds until the next beat, float64 `[12]` of length 1, or zeros."""


def accent(onsets: Onsets, sample: float, period: float) -> Accent:
    """Of the beat on a sample; `period`: samples to the next."""
    frame = round((sample - 0.6 * onsets.window) / onsets.hop)
    bass = float(onsets.bass(frame - 2, frame + 3).max(initial=0.0))
    whole = float(onsets.strength(frame - 2, frame + 3).max(initial=0.0))
    return Accent(bass, whole - bass, _chroma(onsets, sample, period))


def _chroma(onsets: Onsets, sample: float, period: float) -> Chroma:
    rate = onsets.rate
    length = min(period, _LONGEST_S * rate)
    first, n = round(sample + 0.1 * length), round(0.85 * length)
    wave = onsets.audio.read(first, n)[:, 0] * np.hanning(n)
    spectrum = np.abs(np.fft.rfft(wave))
    hz = np.fft.rfftfreq(n, 1 / rate)
    heard = (hz > _LOW_HZ) & (hz < _HIGH_HZ)
    classes = np.round(12 * np.log2(hz[heard] / 55.0)).astype(int) % 12
    peaks = spectrum[heard]
    # What is broad (a drum) is not of a harmony.
    peaks = np.maximum(0.0, peaks - 2 * np.median(peaks))
    chroma = np.sqrt(np.bincount(classes, peaks, minlength=12))
    norm = float(np.linalg.norm(chroma))
    return chroma / norm if norm > 1e-6 else np.zeros(12)


def bar_likelihoods(beats: Sequence[tuple[int, Accent]], per_bar: int) -> list[float]:
    """How likely bars begin with each of `per_bar` beats, by the accents of beats of those
    numbers; their sum is 1."""
    if len(beats) < 2 * per_bar:
        return [1.0 / per_bar] * per_bar
    rows = np.array([_row(a, b) for (_, a), (_, b) in pairwise(beats)])
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.maximum(spread, (0.3, 0.3, 0.05))
    weights = np.array(_WEIGHTS)
    if per_bar % 2:
        weights[1] = 0.0  # a snare on every second beat is for even bars
    scores = scaled @ weights
    phases = np.array([number for number, _ in beats[1:]]) % per_bar
    sums = np.bincount(phases, scores, minlength=per_bar)
    means = sums / np.maximum(np.bincount(phases, minlength=per_bar), 1)
    odds = np.exp(_CERTAINTY * (means - means.max()))
    return [float(x) for x in odds / odds.sum()]


def _row(before: Accent, beat: Accent) -> tuple[float, float, float]:
    change = 1.0 - float(before.chroma @ beat.chroma)
    return beat.bass, beat.bright, change
