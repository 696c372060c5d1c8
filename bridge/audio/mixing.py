"""Gains, fades and cross-fades. All of it is float32 and the same however blocks are cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio

SILENT_DB = -60.0
"""At and below this a fader is off."""


def db_to_gain(db: float) -> float:
    """The factor for a level in dB; -60 and below is silence."""
    return 0.0 if db <= SILENT_DB else float(10.0 ** (db / 20.0))


def fade_in(samples: int) -> NDArray[np.float32]:
    """Equal-power gains, float32 `[samples, 1]`: the first is above 0, the last is 1."""
    return np.sin(_angles(samples)).astype(np.float32)


def fade_out(samples: int) -> NDArray[np.float32]:
    """What goes with `fade_in`: their squares add up to 1, and the last gain is 0."""
    gains = np.cos(_angles(samples)).astype(np.float32)
    gains[-1:] = 0.0  # cos(pi/2) is only nearly 0
    return gains


def _angles(samples: int) -> NDArray[np.float64]:
    return np.linspace(np.pi / 2 / max(samples, 1), np.pi / 2, samples)[:, None]


def crossfade(old: Audio, new: Audio) -> Audio:
    """From `old` into `new`, both `[samples, channels]`; the last sample is all new.

    Linear, since the two sides of a splice are mostly the same music: equal power would lift
    what they share by up to 3 dB.
    """
    count = max(len(old), 1)
    share = np.linspace(1 / count, 1, len(old), dtype=np.float32)[:, None]
    mixed: Audio = old * (1 - share) + new * share
    return mixed


def join(old: Audio, new: Audio) -> Audio:
    """From `old` into `new`, both `[samples, channels]`, as loud throughout as they are.

    Like material (a held note, a periodic signal) wants linear weights, unlike material wants
    equal power. The measured likeness chooses between the two, so that there is neither a bump
    nor a dip of up to 3 dB in the middle.
    """
    rising: NDArray[np.float64] = (np.arange(len(old)) + 1.0) / max(1, len(old))
    falling = 1.0 - rising
    power = rising**2 + falling**2 + 2 * _likeness(old, new) * rising * falling
    weights = np.stack([falling, rising]) / np.sqrt(power)  # [2, samples]
    mixed: Audio = (old * weights[0][:, None] + new * weights[1][:, None]).astype(np.float32)
    return mixed


def _likeness(a: Audio, b: Audio) -> float:
    """How alike two pieces are: 1 the same, 0 unrelated or opposed."""
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    norm = float(np.sqrt(np.dot(x, x) * np.dot(y, y)))
    return float(np.clip(np.dot(x, y) / norm, 0.0, 1.0)) if norm > 0 else 1.0


class GainRamp:
    """A gain that moves to its target in a straight line of `ramp_samples`, never in a step."""

    def __init__(self, ramp_samples: int, value: float = 1.0) -> None:
        self._length = max(1, ramp_samples)
        self._from = value
        self._to = value
        self._done = self._length  # samples of the ramp that have been applied

    @property
    def value(self) -> float:
        """The gain of the last sample that was applied."""
        share = self._done / self._length
        return self._from * (1 - share) + self._to * share

    @property
    def settled(self) -> bool:
        return self._done >= self._length

    def target(self, gain: float) -> None:
        """Move to `gain` from wherever the ramp is now."""
        if gain != self._to:
            self._from, self._to, self._done = self.value, gain, 0

    def jump(self, gain: float) -> None:
        """Be at `gain` at once: for what is not sounding yet."""
        self._from = self._to = gain
        self._done = self._length

    def apply(self, audio: Audio) -> Audio:
        """Multiply float32 `[samples, channels]` in place, and return it."""
        moving = min(len(audio), self._length - self._done)
        if moving:
            steps = np.arange(self._done + 1, self._done + moving + 1) / self._length
            gains = self._from * (1 - steps) + self._to * steps
            audio[:moving] *= gains.astype(np.float32)[:, None]
            self._done += moving
        rest = audio[moving:]
        if self._to == 0.0:
            rest[:] = 0.0
        elif self._to != 1.0:
            rest *= np.float32(self._to)
        return audio
