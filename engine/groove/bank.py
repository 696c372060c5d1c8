"""Rendered notes, kept while there is room. Shared by all streams of an engine.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from engine.groove.drums import make_drum
from engine.groove.instruments import Sound, make_note, release_ramp

BANK_BYTES = 64 * 2**20


class SoundKey(NamedTuple):
    name: str
    """An instrument, or `kit:voice`."""
    pitch: int
    hard: int
    space: str
    pan: int


class SoundBank:
    """Sounds by key, made when first wanted, the longest unused dropped beyond `limit` bytes."""

    def __init__(self, rate: int, limit: int = BANK_BYTES) -> None:
        self.rate = rate
        self.nbytes = 0
        self._limit = limit
        self._sounds: OrderedDict[SoundKey, Sound] = OrderedDict()
        self._ramps: dict[tuple[str, str], np.ndarray] = {}

    def get(self, key: SoundKey) -> Sound:
        sound = self._sounds.get(key)
        if sound is None:
            return self._make(key)
        self._sounds.move_to_end(key)
        return sound

    def _make(self, key: SoundKey) -> Sound:
        if ":" in key.name:
            kit, voice = key.name.split(":")
            head = make_drum(self.rate, kit, voice, float(key.hard) * 0.5 + 0.5, key.space)
            sound = Sound(head, None, _NO_RELEASE)
        else:
            made = make_note(
                self.rate, key.name, key.pitch, key.hard, key.space, key.pan * 0.25
            )
            ramp = self._ramps.setdefault((key.name, key.space), made.release)
            sound = Sound(made.head, made.loop, ramp)
        self._sounds[key] = sound
        self.nbytes += sound.nbytes
        while self.nbytes > self._limit and len(self._sounds) > 1:
            self.nbytes -= self._sounds.popitem(last=False)[1].nbytes
        return sound

    def length(self, key: SoundKey) -> int | None:
        """Samples of a sound that ends by itself, if it is at hand."""
        sound = self._sounds.get(key)
        return None if sound is None or sound.loop is not None else len(sound.head)

    def release_samples(self, name: str, space: str) -> int:
        """How long a note of an instrument rings on after its end."""
        if (name, space) not in self._ramps:
            self._ramps[name, space] = release_ramp(self.rate, name, space)
        return len(self._ramps[name, space])


_NO_RELEASE = np.zeros((0, 2), dtype=np.float32)
