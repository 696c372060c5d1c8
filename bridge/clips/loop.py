"""Loops: how many samples they have, and how they are cut so that they repeat without a click."""

from __future__ import annotations

from bridge.audio.mixing import join
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
        loop[-fade:] = join(loop[-fade:], audio[start - fade : start])
    return loop
