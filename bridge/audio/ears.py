"""Whoever listens to all that is mixed, for as long as it does.

Threading: `add` and what it returns from any thread; `hear` is the conductor's, and so are the
calls that it makes: they must not take long, and must not change what they are shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.api import Audio

Hear = Callable[[int, Audio], None]
"""Takes the session's sample of the first row, and float32 `[samples, 2 + 2 * decks]`: the master,
and then each deck behind its fader. Each block is a fresh array, so it may be kept."""


class Ears:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: tuple[Hear, ...] = ()

    def add(self, hear: Hear) -> Callable[[], None]:
        """Have `hear` called for every block from now on; returns what ends it."""
        with self._lock:
            self._ears = (*self._ears, hear)
        return lambda: self._remove(hear)

    def _remove(self, hear: Hear) -> None:
        with self._lock:
            self._ears = tuple(each for each in self._ears if each is not hear)

    def hear(self, at: int, audio: Audio) -> None:
        for each in self._ears:
            each(at, audio)
