"""The pulse in some seconds of onset strength: how fast, how clear, and where its beats are.

Onset strength is float64 `[frames]`, `onsets.FPS` of them a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.warp.onsets import FPS

Wave = NDArray[np.float64]

_NEAR = 1.25
"""The expected tempo may be off by so much either way."""
_FAR = 2.5
_FAR_BETTER, _FAR_LEAST = 2.0, 0.35
"""Another tempo than one near what is expected must be so much clearer, and so clear."""
_STEP = 0.002
"""Between two tempos that are tried, as a logarithm."""
_PEAK_WIDTH = 0.1
"""So far from a beat's tempo, as a logarithm, the comb finds it no more."""
_COMB = 6
"""Beats that the comb reaches over."""
_PRIOR_WIDTH, _LAST_WIDTH = 0.10, 0.04
"""Standard deviations, as logarithms: from the tempo asked for, and from the last one found."""
_AT_LEAST = 0.3
"""Of its score is left to a tempo that is expected least."""
_TIGHTNESS = 300.0
"""How much a beat dislikes to be early or late, against onsets of standard deviation 1."""
_RECENT_S = 6.0
"""What was so long ago counts a third of what is now."""


@dataclass(frozen=True, slots=True)
class Pulse:
    bpm: float
    strength: float
    """How alike the music is to itself some beats ago: 1 at most, about 0 without a pulse."""


def find_pulse(wave: Wave, prior_bpm: float, last_bpm: float | None) -> Pulse:
    """The pulse that explains `wave` best, near `prior_bpm` if it can be, and best near
    `last_bpm`."""
    wave = (wave - wave.mean()) * np.sqrt(_recent(len(wave)))
    near = _best(*_scored(wave, prior_bpm, _NEAR), prior_bpm, last_bpm)
    bpms, scores = _scored(wave, prior_bpm, _FAR)
    far = _best(bpms, _peaks(scores), None, last_bpm)
    if far.strength > max(_FAR_BETTER * near.strength, _FAR_LEAST):
        return far
    return near


def _recent(frames: int) -> Wave:
    """Weights, 1 for the last frame."""
    return np.exp((np.arange(frames) - frames + 1) / (_RECENT_S * FPS))


def _scored(wave: Wave, bpm: float, reach: float) -> tuple[Wave, Wave]:
    """Tempos within a factor of `reach` of `bpm`, and for each the mean autocorrelation at
    1 .. `_COMB` of its beats, 1 at most."""
    steps = round(np.log(reach) / _STEP)
    bpms = bpm * np.exp(np.linspace(-np.log(reach), np.log(reach), 2 * steps + 1))
    correlation = _autocorrelation(wave)
    scores = np.zeros(len(bpms))
    weights = np.zeros(len(bpms))
    for beats in range(1, _COMB + 1):
        lags = beats * 60.0 * FPS / bpms
        known = lags < 0.75 * len(wave)
        values = np.interp(lags, np.arange(len(wave)), correlation)
        scores += np.where(known, values, 0.0)
        weights += known
    return bpms, scores / np.maximum(weights, 1.0)


def _autocorrelation(wave: Wave) -> Wave:
    """1 at lag 0; at each lag, by the energy of what overlaps there."""
    size = 2 ** int(np.ceil(np.log2(2 * len(wave))))
    products = np.fft.irfft(np.abs(np.fft.rfft(wave, size)) ** 2)[: len(wave)]
    energy = np.cumsum(wave**2)
    # Of all but the first, and of all but the last `lag` frames.
    overlap = np.sqrt(energy[::-1] * np.maximum(energy[-1] - energy + wave**2, 1e-9))
    correlation: Wave = products / np.maximum(overlap, max(0.02 * float(energy[-1]), 1e-9))
    return correlation


def _best(bpms: Wave, scores: Wave, prior_bpm: float | None, last_bpm: float | None) -> Pulse:
    """By score and by what is expected."""
    weighed = np.maximum(scores, 0.0)
    for bpm, width in ((prior_bpm, _PRIOR_WIDTH), (last_bpm, _LAST_WIDTH)):
        if bpm is not None:
            near = np.exp(-0.5 * (np.log(bpms / bpm) / width) ** 2)
            weighed = weighed * (_AT_LEAST + (1.0 - _AT_LEAST) * near)
    i = int(np.argmax(weighed))
    return Pulse(float(bpms[i]), float(scores[i]))


def _peaks(scores: Wave) -> Wave:
    """How far each score rises above those of slightly slower and slightly faster tempos, if those
    are above 0.

    What swells slowly is the more like itself the shorter the lag. That is no tempo, neither the
    fastest that is tried nor one on the way there; a beat is in time with nothing but itself.
    """
    reach = round(_PEAK_WIDTH / _STEP)
    walls = np.pad(scores, reach, constant_values=np.inf)
    lowest = np.lib.stride_tricks.sliding_window_view(walls, reach + 1).min(axis=1)
    valley = np.maximum(lowest[:-reach], lowest[reach:])
    peaks: Wave = scores - np.maximum(0.0, valley)
    return peaks


def fold(wave: Wave, period: float) -> Wave:
    """The mean strength in each phase of a beat, float64 `[round(period)]`: element `i` is about
    the frames that lie `i` and some periods before the last."""
    phases = np.linspace(0.0, period, round(period), endpoint=False)
    count = int((len(wave) - 1) / period)
    back = phases + period * np.arange(count)[:, None]  # [beats, phases]
    values = np.interp(len(wave) - 1 - back, np.arange(len(wave)), wave)
    weights = np.exp(-back / (_RECENT_S * FPS))
    folded: Wave = (values * weights).sum(axis=0) / weights.sum(axis=0)
    return folded


def follow(wave: Wave, profile: Wave, period: float, anchor: int) -> list[int]:
    """The frames of the best path from beat to beat (Ellis 2007, equations 5 and 6) that begins
    with frame `anchor` of `wave`. `profile`, as `fold` makes it, is half of what draws beats."""
    draw = _drawing(wave, profile, period)[anchor:]
    shortest, longest = max(1, round(period / 2)), round(2 * period)
    lags = np.arange(shortest, longest + 1)
    dislike = -_TIGHTNESS * np.log(lags / period) ** 2
    total = np.full(len(draw), -np.inf)
    total[0] = 0.0
    back = np.full(len(draw), -1)
    for t in range(shortest, len(draw)):
        n = min(len(lags), t - shortest + 1)
        candidates = total[t - lags[:n]] + dislike[:n]
        best = int(np.argmax(candidates))
        total[t] = draw[t] + candidates[best]
        back[t] = t - lags[best]
    last = max(0, len(draw) - round(period))
    t = last + int(np.argmax(total[last:]))
    path = []
    while t >= 0:
        path.append(anchor + t)
        t = int(back[t])
    return path[::-1]


def _drawing(wave: Wave, profile: Wave, period: float) -> Wave:
    """What draws beats: onsets, and where they have lain in the beats before."""
    phases = (len(wave) - 1 - np.arange(len(wave))) / period * len(profile)
    usual = np.interp(phases, np.arange(len(profile)), profile, period=len(profile))
    scaled = [x / max(float(x.std()), 1e-6) for x in (wave, usual)]
    return 0.5 * (scaled[0] + scaled[1])
