"""Where a stream's bars begin, beside the transport's: for a start, and while it plays."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from bridge.warp.beats import Beat

ON_LINE = 0.04
"""Beats that are on a line of the transport."""
_CLEARLY = 0.6
"""How likely a bar must begin with a beat, of 1, to begin it again."""


def entry(beats: Sequence[Beat], per_bar: int, since: float) -> float:
    """The sample of the stream that lies `since` beats into one of its first bars. `beats`: the
    stream's first ones, more than a bar of them."""
    scores = [sum(beat.downbeat for beat in beats[i::per_bar]) for i in range(per_bar)]
    first = scores.index(max(scores))
    i = (first + floor(since)) % per_bar
    within = since - floor(since)
    return beats[i].sample + within * (beats[i + 1].sample - beats[i].sample)


def bar_begun(
    beats: Sequence[Beat], per_bar: int, source: float, most: float
) -> tuple[Beat, Beat] | None:
    """The first two beats of the bar that has begun before sample `source`, where a beat is.

    None if none of them is clearly the first of a bar, or only that at `source` is, or it is more
    than `most` samples ago. `beats`: a bar of them up to `source`, and the next.
    """
    if len(beats) < per_bar + 1:
        return None
    period = beats[-1].sample - beats[-2].sample
    if abs(beats[-2].sample - source) > ON_LINE * period:
        return None
    first = max(range(len(beats) - 1), key=lambda i: beats[i].downbeat)
    begun = first < len(beats) - 2 and source - beats[first].sample < most
    clear = beats[first].downbeat > _CLEARLY
    return (beats[first], beats[first + 1]) if begun and clear else None
