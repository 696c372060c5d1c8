"""Time-stretching with pitch kept, piece by piece.

The stretcher is Signalsmith's (https://signalsmith-audio.co.uk/code/stretch/) by way of
python-stretch, whose `process` makes a whole of each call: it returns its input so much longer or
shorter, aligned in time, and keeps nothing from one call to the next. So a piece is a pure function
of the source around it, and may be made again, or elsewhere, with the same samples.

Threading: everything may be called from any thread, and holds the interpreter for some 10 ms for
each second of audio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from python_stretch.Signalsmith import Stretch

from bridge.audio.mixing import join
from engine.api import Audio
from engine.errors import BadValue

CONTEXT_S = 0.12
"""Of the source on both sides of a piece: the stretcher's window."""
FADE_S = 0.01
"""Two pieces overlap for so long. Both sides are the same moment of the source."""
_SEED = 1
"""Of the noise that the stretcher puts into phases: always the same, so that a piece is, too."""


def stretch(window: Audio, start: float, end: float, samples: int, after: int, rate: int) -> Audio:
    """What lies from `start` to `end` in float32 `[n, channels]`, made `samples` long.

    Returns float32 `[samples + after, channels]`: `after` more are what follows `end`, for a
    cross-fade. `window` should hold `CONTEXT_S` more on both sides; what is missing is taken to be
    silence. Channels are one or two. Raises BadValue for an empty piece.
    """
    if not 0 <= start < end <= len(window) or samples < 1:
        raise BadValue(f"a piece from {start:g} to {end:g} of {len(window)} samples is none")
    ratio = (end - start) / samples
    context = round(CONTEXT_S * rate)
    before, behind = max(0, context - int(start)), max(0, context - int(len(window) - end))
    padded = np.pad(window, ((before, behind), (0, 0)))
    made = max(1, round(len(padded) / ratio))
    # [channels, n], as the library wants it.
    out = _process(np.ascontiguousarray(padded.T), made, rate).T
    first = round((start + before) * made / len(padded))
    piece = out[first : first + samples + after]
    missing = samples + after - len(piece)
    return np.pad(piece, ((0, missing), (0, 0))) if missing > 0 else np.ascontiguousarray(piece)


def _process(source: NDArray[np.float32], samples: int, rate: int) -> NDArray[np.float32]:
    """`[channels, n]` made `[channels, samples]`."""
    stretcher = Stretch(_SEED)
    stretcher.preset(len(source), rate)
    stretcher.setTimeFactor(source.shape[1] / samples)
    out: NDArray[np.float32] = np.asarray(stretcher.process(source), np.float32)
    # The library's factor has 24 bits, so that its length may be one off.
    return np.pad(out, ((0, 0), (0, max(0, samples - out.shape[1]))))[:, :samples]


def bend(
    audio: Audio,
    marks: Sequence[float],
    targets: Sequence[int],
    rate: int,
    cutting: Callable[[Audio, float, float, int, int, int], Audio] | None = None,
) -> Audio:
    """Stretch float32 `[samples, channels]` so that sample `marks[i]` lands on `targets[i]`.

    Both ascend; returns `targets[-1] - targets[0]` samples, the first of which is `marks[0]`.
    Pieces that keep their length keep their bits. `cutting` is `cut`, or the same elsewhere. Raises
    BadValue if the marks do not lie in `audio`, or the two do not match.
    """
    if len(marks) != len(targets) or len(marks) < 2:
        raise BadValue(
            f"{len(marks)} marks for {len(targets)} targets, at least 2 of each are needed"
        )
    parts: list[Audio] = []
    tail: Audio | None = None
    for (start, end), (first, last) in zip(pairwise(marks), pairwise(targets), strict=True):
        piece = _cut_far(audio, start, end, last - first, rate, cutting or cut)
        if tail is not None:
            piece[: len(tail)] = join(tail[: len(piece)], piece[: len(tail)])
        parts.append(piece[: last - first])
        tail = piece[last - first :]
    return np.concatenate(parts)


def _cut_far(
    audio: Audio,
    start: float,
    end: float,
    samples: int,
    rate: int,
    cutting: Callable[[Audio, float, float, int, int, int], Audio],
) -> Audio:
    """One piece; only what it needs of the source goes there."""
    context = round(CONTEXT_S * rate)
    first = max(0, int(start) - context)
    window = audio[first : int(np.ceil(end)) + context]
    return cutting(window, start - first, end - first, samples, round(FADE_S * rate), rate)


def cut(source: Audio, start: float, end: float, samples: int, after: int, rate: int) -> Audio:
    """`stretch`, with its window cut out of a longer `source`; unchanged where nothing changes."""
    if is_whole(start) and is_whole(end) and round(end) - round(start) == samples:
        piece = source[round(start) : round(end) + after].copy()
        return np.pad(piece, ((0, samples + after - len(piece)), (0, 0)))
    context = round(CONTEXT_S * rate)
    first = max(0, int(start) - context)
    last = min(len(source), int(np.ceil(end)) + context)
    return stretch(source[first:last], start - first, end - first, samples, after, rate)


def is_whole(sample: float) -> bool:
    return abs(sample - round(sample)) < 1e-6
