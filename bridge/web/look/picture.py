"""All that there is to see of the music, kept up to date from what the lookout hands over.

Threading: one thread owns a picture.
"""

from __future__ import annotations

import numpy as np

from bridge.lookout import Lookout, Sight
from bridge.web.look.columns import Heard, Strip, columns_of
from bridge.web.look.spectrum import Spectrum
from engine.api import Audio

BEHIND_S = 12.0
AHEAD_S = 5.0
"""So much is kept of a waveform on either side of the ear, and shown to a page that comes."""


class Picture:
    """The newest sight, columns, levels and spectrum. `tick` counts the times it changed."""

    def __init__(self, lookout: Lookout) -> None:
        self.rate = lookout.rate
        self.grain = lookout.column_samples
        self.numbers = lookout.decks
        self.tick = 0
        self.sight: Sight | None = None
        capacity = round((BEHIND_S + AHEAD_S) * lookout.rate / self.grain)
        self.heard = Heard(len(self.numbers), self.grain, capacity)
        self.ahead = [Strip(capacity) for _ in self.numbers]
        self.peaks = np.zeros(2 + 2 * len(self.numbers), np.float32)
        """Of each column of the mix since the last tick; so is `rms`."""
        self.rms = np.zeros_like(self.peaks)
        self.bands = b""
        self._lookout = lookout
        self._spectrum = Spectrum(lookout.rate)

    def update(self) -> None:
        """Take in what was handed over since the last call."""
        self.tick += 1
        blocks, sights = self._lookout.take()
        for sight in sights:
            self._see(sight)
        if blocks:
            self._hear(blocks[0][0], np.concatenate([audio for _, audio in blocks]))

    def _see(self, sight: Sight) -> None:
        self.sight = sight
        for strip, deck in zip(self.ahead, sight.decks, strict=True):
            if len(deck.laid):
                strip.put(deck.at // self.grain, columns_of(deck.laid, self.grain), self.tick)

    def _hear(self, at: int, audio: Audio) -> None:
        """float32 `[samples, 2 + 2 * decks]` from sample `at` on."""
        sides = np.ascontiguousarray(audio.T)  # [2 + 2 * decks, samples]: far faster to reduce
        self.peaks = np.maximum(sides.max(axis=1), -sides.min(axis=1))
        self.rms = np.sqrt(np.einsum("cs,cs->c", sides, sides) / len(audio))
        self.heard.take(at, sides[2:], self.tick)
        self._spectrum.take(sides[:2])
        self.bands = self._spectrum.bands()
