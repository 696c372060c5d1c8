"""Rendered notes, kept while there is room. Shared by all streams of an engine.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakSet

import numpy as np

from engine.groove.instruments import make_note, release_ramp
from engine.groove.kits import make_drum
from engine.groove.tones import Floats

STREAM_BYTES = 16 * 2**20
"""What each stream may keep, and once more for all. Most music fills it within a minute, so that
memory does not creep after that; a note costs about 1 ms to make again."""
MOST_BYTES = 128 * 2**20


class SoundKey(NamedTuple):
    name: str
    """An instrument, or `kit:voice`."""
    pitch: int
    hard: int
    space: str
    pan: int


@dataclass(frozen=True, slots=True)
class Sound:
    """A rendered note. `head` plays first; `loop`, if any, goes on from it for ever.

    `release` is the gain from the note's end on; `[samples, 2]` like the others.
    """

    head: Floats
    loop: Floats | None
    release: Floats

    @property
    def nbytes(self) -> int:
        return self.head.nbytes + (0 if self.loop is None else self.loop.nbytes)


class SoundBank:
    """Sounds by key, made when first wanted, the longest unused dropped beyond `limit` bytes.

    What is sounding is held by those who play it, so a bank that is too small costs time, but
    never a sound that is made again in every step.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.nbytes = 0
        self.users: WeakSet[object] = WeakSet()
        """Streams that play from it."""
        self._sounds: OrderedDict[SoundKey, Sound] = OrderedDict()
        self._ramps: dict[tuple[str, str], Floats] = {}

    def get(self, key: SoundKey) -> Sound:
        sound = self._sounds.get(key)
        if sound is None:
            return self._make(key)
        self._sounds.move_to_end(key)
        return sound

    def _make(self, key: SoundKey) -> Sound:
        if ":" in key.name:
            kit, voice = key.name.split(":")
            hit = make_drum(self.rate, kit, voice, 0.5 + 0.5 * key.hard, key.space)
            sound = Sound(hit, None, _NO_RELEASE)
        else:
            name, pitch, hard, space, pan = key
            head, loop = make_note(self.rate, name, pitch, hard, space, pan / 8)
            sound = Sound(head, loop, self._release(name, space))
        self._sounds[key] = sound
        self.nbytes += sound.nbytes
        while self.nbytes > self.limit and len(self._sounds) > 1:
            self.nbytes -= self._sounds.popitem(last=False)[1].nbytes
        return sound

    @property
    def limit(self) -> int:
        """Bytes that may be kept for the streams that there are."""
        return min(MOST_BYTES, STREAM_BYTES * (1 + len(self.users)))

    def length(self, key: SoundKey) -> int | None:
        """Samples of a sound that ends by itself, if it is at hand."""
        sound = self._sounds.get(key)
        return None if sound is None or sound.loop is not None else len(sound.head)

    def release_samples(self, name: str, space: str) -> int:
        """How long a note of an instrument rings on after its end."""
        return len(self._release(name, space))

    def _release(self, name: str, space: str) -> Floats:
        ramp = self._ramps.get((name, space))
        if ramp is None:
            ramp = self._ramps[name, space] = release_ramp(self.rate, name, space)
        return ramp


_NO_RELEASE = np.zeros((0, 2), dtype=np.float32)
