"""Loops: how many samples they have, and how they are cut so that they repeat without a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio
from engine.errors import BadValue


def bar_beats(numerator: int, denominator: int) -> float:
    """Quarter notes in one bar: 4 in 4/4, 3.5 in 7/8."""
    return numerator * 4 / denominator


def loop_length(bars: int, beats_per_bar: float, bpm: float, rate: int) -> int:
    """Samples in a loop of so many bars; `bpm` counts quarter notes."""
    return round(bars * beats_per_bar * 60 / bpm * rate)


def cut_loop(audio: Audio, start: int, length: int, fade: int) -> Audio:
    """`length` samples from `start` on, whose end runs into their beginning.

    The last `fade` samples cross-fade into the `fade` samples before `start`: the loop then ends
    with what really came before its first sample. `audio` is float32 `[samples, channels]` and
    so is the result, a copy. Raises BadValue if `audio` does not hold all of that.
    """
    if not 0 <= fade <= min(start, length) or start + length > len(audio):
        raise BadValue(
            f"a loop of {length} samples from {start} on with a fade of {fade}"
            f" does not fit {len(audio)} samples"
        )
    loop = audio[start : start + length].copy()
    if fade:
        loop[-fade:] = _cross_fade(loop[-fade:], audio[start - fade : start])
    return loop


def _cross_fade(old: Audio, new: Audio) -> Audio:
    """From `old` to `new`, as loud throughout as they are: float32 `[samples, channels]`.

    Like material (a held note, a periodic signal) wants linear weights, unlike material wants
    equal power. The measured likeness chooses between the two, so that there is neither a bump
    nor a dip of up to 3 dB in the middle.
    """
    rising: NDArray[np.float64] = (np.arange(len(old)) + 1.0) / len(old)
    falling = 1.0 - rising
    likeness = _correlation(old, new)
    power = rising**2 + falling**2 + 2 * likeness * rising * falling
    weights = np.stack([falling, rising]) / np.sqrt(power)  # [2, samples]
    mixed: Audio = (old * weights[0][:, None] + new * weights[1][:, None]).astype(np.float32)
    return mixed


def _correlation(a: Audio, b: Audio) -> float:
    """How alike two pieces are: 1 the same, 0 unrelated or opposed."""
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    norm = float(np.sqrt(np.dot(x, x) * np.dot(y, y)))
    return float(np.clip(np.dot(x, y) / norm, 0.0, 1.0)) if norm > 0 else 1.0
