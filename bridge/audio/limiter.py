"""The master limiter: what leaves it stays below a ceiling, between the samples as well.

Threading: one thread owns a limiter.

A true peak lies between samples, so it is looked for on a grid `OVERSAMPLING` times finer, as
ITU-R BS.1770-4 annex 2 describes, here with a longer windowed sinc. The gain that each peak asks
for is held over the look-ahead, falls back with `RELEASE_S`, and is averaged over the
look-ahead, which turns each drop into a straight ramp that is down just when the peak comes out.

The output is bit for bit the same however the input is cut into blocks: gains are always worked
out over whole sections of `SECTION` samples that begin at multiples of it. A section that is
only part full is worked out again, from the state at its beginning, when more of it comes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from engine.api import Audio

LATENCY_S = 0.0015
RELEASE_S = 0.08
"""Time in which all but 1/e of a reduction is given back."""
OVERSAMPLING = 8
REACH = 12
"""Samples on either side that the interpolation looks at."""
GUARD = 4
"""Samples around a peak that share its full reduction, so that the ramp does not bend it."""
SECTION = 256
ABSURD = 1e6
"""What is louder than +120 dBFS, or not a number, is a fault upstream: it becomes silence."""
NEGLIGIBLE = 1e-6
"""A reduction below this (a change of -120 dB) is over, so that the bypass can be exact."""

_STRIDE = 32
"""Samples that one row of the interpolation's matrix product covers. Fastest of 8, 16 and 32; at
64 the product would be large enough for BLAS to wake its threads."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(slots=True)
class _State:
    """All that one section needs of those before it, apart from the samples themselves."""

    needed: Doubles  # [hold - 1] reductions asked for, newest last
    held: Doubles  # [ramp - 1] reductions after hold and release, newest last
    release: float = 0.0  # the last of `held`, or 0 once it is negligible

    @property
    def idle(self) -> bool:
        return self.release == 0.0 and not self.needed.any() and not self.held.any()


class Limiter:
    """Holds stereo (or any number of linked channels) below `ceiling_db` dBTP."""

    def __init__(self, rate: int, ceiling_db: float = -1.0, channels: int = 2) -> None:
        self.latency_samples = max(round(LATENCY_S * rate), REACH + GUARD + 8)
        self._ceiling = 10.0 ** (ceiling_db / 20.0)
        self._ramp = self.latency_samples - REACH - GUARD + 1
        self._hold = self._ramp + 2 * GUARD
        self._matrix, gain = _interpolation()
        self._safe = self._ceiling / gain * (1 - 1e-5)
        fall = np.exp(-1.0 / (RELEASE_S * rate))
        self._decay = fall ** np.arange(1, SECTION + 1)
        self._history = self.latency_samples + 2 * REACH
        # [channels, history + section]; what has not come in yet is zero.
        self._input = np.zeros((channels, self._history + SECTION), np.float32)
        self._filled = 0
        self._state = _State(np.zeros(self._hold - 1), np.zeros(self._ramp - 1))
        self._idle = True

    def process(self, audio: Audio) -> Audio:
        """Limit float32 `[samples, channels]`; returns as many, `latency_samples` late."""
        out = np.empty_like(audio)
        done = 0
        while done < len(audio):
            count = min(len(audio) - done, SECTION - self._filled)
            self._section(audio[done : done + count], out[done : done + count])
            done += count
        return out

    def _section(self, audio: Audio, out: Audio) -> None:
        """Take in `audio`, which fits into the section, and write what leaves to `out`."""
        first, stop = self._filled, self._filled + len(audio)
        place = self._input[:, self._history + first : self._history + stop]
        place[:] = audio.T
        _silence_faults(place)
        begin = self._history - self.latency_samples
        delayed = self._input[:, begin + first : begin + stop].T
        if self._idle and np.abs(self._input).max() <= self._safe:
            out[:] = delayed
        else:
            needed, held, reduction = self._reduction(stop)
            np.multiply(delayed, (1.0 - reduction[first:]).astype(np.float32)[:, None], out=out)
            if stop == SECTION:
                self._commit(needed, held)
        self._filled = stop
        if stop == SECTION:
            self._input[:, : self._history] = self._input[:, SECTION:]
            self._input[:, self._history :] = 0.0
            self._filled = 0

    def _reduction(self, stop: int) -> tuple[Doubles, Doubles, Doubles]:
        """1 - gain for the section's first `stop` samples, with what it was made from.

        Returns `needed` and `held` with their history before them, and the reduction `[stop]`.
        """
        peaks = self._peaks()[:stop]
        asked = 1.0 - self._ceiling / np.maximum(peaks, self._ceiling)
        needed = np.concatenate([self._state.needed, asked])
        decay = self._decay[:stop]
        highest = np.maximum.accumulate(_sliding_maximum(needed, self._hold) / decay)
        falling = np.maximum(highest, self._state.release) * decay
        held = np.concatenate([self._state.held, falling])
        total = np.cumsum(np.concatenate([[0.0], held]))
        return needed, held, (total[self._ramp :] - total[: -self._ramp]) / self._ramp

    def _commit(self, needed: Doubles, held: Doubles) -> None:
        """Keep what the next section needs of this one."""
        release = float(held[-1])
        self._state = _State(
            needed[-(self._hold - 1) :],
            held[-(self._ramp - 1) :],
            release if release > NEGLIGIBLE else 0.0,
        )
        self._idle = self._state.idle

    def _peaks(self) -> Doubles:
        """The highest level of any channel between each sample and the next, `[section]`.

        It is known `REACH` samples after the first of the two has come in, and stands there.
        """
        channels, rows = len(self._input), SECTION // _STRIDE
        source = self._input[:, self._history - 2 * REACH + 1 :]
        width = len(self._matrix)
        # [channels, rows, width]: overlapping stretches of the input, _STRIDE samples apart
        stretches = as_strided(source, (channels, rows, width), (source.strides[0], 4 * _STRIDE, 4))
        fine = np.abs(np.ascontiguousarray(stretches).reshape(-1, width) @ self._matrix)
        # [channels, rows, phases, _STRIDE]
        fine = fine.reshape(channels, rows, -1, _STRIDE)
        peaks: Doubles = fine.max(axis=(0, 2)).reshape(SECTION).astype(np.float64)
        return peaks


def _silence_faults(samples: Floats) -> None:
    """Zero, in place, what is no sound."""
    with np.errstate(invalid="ignore"):
        if not np.abs(samples).max(initial=0.0) <= ABSURD:  # true for NaN as well
            samples[:] = np.where(np.abs(samples) <= ABSURD, samples, 0)


def _interpolation() -> tuple[Floats, float]:
    """The matrix that takes a stretch of samples to the levels between them, and its top gain.

    float32 `[_STRIDE + 2 * REACH - 1, OVERSAMPLING * _STRIDE]`, columns by phase, then sample.
    The gain is the most that any level can exceed the highest sample by, as a factor.
    """
    taps = np.arange(1 - REACH, REACH + 1)
    distance = np.arange(OVERSAMPLING)[:, None] / OVERSAMPLING - taps  # [phases, taps]
    window = np.i0(6.0 * np.sqrt(np.clip(1 - (distance / REACH) ** 2, 0, 1))) / np.i0(6.0)
    kernel = np.sinc(distance) * window
    kernel /= kernel.sum(axis=1, keepdims=True)
    matrix = np.zeros((_STRIDE + len(taps) - 1, OVERSAMPLING, _STRIDE), np.float32)
    for sample in range(_STRIDE):
        matrix[sample : sample + len(taps), :, sample] = kernel.T
    return matrix.reshape(len(matrix), -1), float(np.abs(kernel).sum(axis=1).max())


def _sliding_maximum(values: Doubles, width: int) -> Doubles:
    """Maximum of each `width` successive values, `[len(values) - width + 1]`."""
    span = 1
    while span * 2 <= width:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    rest = width - span
    return np.maximum(values[: len(values) - rest], values[rest:])
