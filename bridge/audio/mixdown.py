"""From the decks to what outputs take: the master, limited, and each deck in time with it.

Threading: one thread owns a mixdown.
"""

from __future__ import annotations

import numpy as np

from bridge.audio.limiter import Limiter
from engine.api import Audio


class Mixdown:
    def __init__(self, rate: int, decks: int) -> None:
        self._limiter = Limiter(rate)
        self.latency_samples = self._limiter.latency_samples
        self._held = np.zeros((self.latency_samples, 2 * decks), np.float32)

    def process(self, mixed: Audio) -> Audio:
        """As many samples, `latency_samples` late: the first two columns of float32
        `[samples, 2 + 2 * decks]` limited, the others only delayed like them."""
        out = np.empty_like(mixed)
        out[:, :2] = self._limiter.process(np.ascontiguousarray(mixed[:, :2]))
        decks = np.concatenate([self._held, mixed[:, 2:]])
        out[:, 2:], self._held = decks[: len(mixed)], decks[len(mixed) :]
        return out
