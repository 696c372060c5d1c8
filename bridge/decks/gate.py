"""Starts and stops without a click."""

from __future__ import annotations

import numpy as np

from engine.api import Audio


class Gate:
    """An equal-power fade that opens and closes, from wherever it is.

    Its phase runs from 0 (closed) to `samples` (open); the gain is `sin(pi/2 * phase/samples)`.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._phase = 0.0
        self._step = 0.0

    @property
    def closed(self) -> bool:
        return self._phase <= 0.0 and self._step <= 0.0

    @property
    def opening(self) -> bool:
        """Whether it is open or on its way."""
        return self._step > 0.0 or (self._step == 0.0 and self._phase > 0.0)

    def open(self) -> None:
        self._step = 1.0

    def close(self, samples: int | None = None) -> None:
        """Fade out, in `samples` if it is to be quicker than usual."""
        self._step = -self._samples / (samples or self._samples)

    def apply(self, audio: Audio) -> Audio:
        """Multiply float32 `[samples, channels]` in place."""
        if self._step > 0.0 and self._phase >= self._samples:
            return audio
        if self.closed:
            audio[:] = 0.0
            return audio
        steps = np.arange(1, len(audio) + 1, dtype=np.float32) * self._step
        phase = np.clip(self._phase + steps, 0.0, self._samples)
        audio *= np.sin(phase * (np.pi / 2 / self._samples)).astype(np.float32)[:, None]
        self._phase = float(phase[-1]) if len(phase) else self._phase
        return audio
