"""Shared memory that the bridge owns and the engine borrows.

The bridge creates every segment and unlinks it; the engine attaches by name and only unmaps.
Python's resource tracker, one process that both sides share, unlinks what a bridge that was
killed left behind. Before Python 3.13 attaching registers the name there as well, and an engine
that attaches just as the bridge unlinks would leave an entry that the tracker reports as a leak
at exit; so attaching is kept out of it.

Threading: a segment belongs to one thread at a time; creating and attaching may happen in any.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sized
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

_WORD_BYTES = 8
_FACTOR_STEPS = 1000
_tracker_lock = threading.Lock()


class Segment:
    """A stretch of shared memory, as bytes and as 64-bit signed words."""

    def __init__(self, memory: SharedMemory, *, owned: bool) -> None:
        self._memory = memory
        self._owned = owned
        self._open = True
        self.name = memory.name
        assert memory.buf is not None  # only once closed
        usable = memory.size - memory.size % _WORD_BYTES
        self.bytes: memoryview = memory.buf[:usable]
        self.words: memoryview = self.bytes.cast("q")

    @classmethod
    def create(cls, size: int) -> Segment:
        """A new one of at least `size` bytes, all zero; closing it frees it. May raise OSError."""
        with _tracker_lock:
            return cls(SharedMemory(create=True, size=size), owned=True)

    @classmethod
    def attach(cls, name: str) -> Segment:
        """One that the other side created. Raises FileNotFoundError if that has closed it."""
        return cls(_attach_untracked(name), owned=False)

    def close(self) -> None:
        """Unmap, and free if it was created here. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        # A mapping cannot be closed while a view of it lives (BufferError).
        self.words.release()
        self.bytes.release()
        self._memory.close()
        if self._owned:
            self._memory.unlink()

    def __del__(self) -> None:
        self.close()


def _attach_untracked(name: str) -> SharedMemory:
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    with _tracker_lock:
        register = resource_tracker.register
        resource_tracker.register = _forget_to_register
        try:
            return SharedMemory(name)
        finally:
            resource_tracker.register = register


def _forget_to_register(name: Sized, rtype: str) -> None:
    pass


class Vitals:
    """Signs of life in shared memory: the engine beats, the bridge sees whether it moved."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    @classmethod
    def create(cls) -> Vitals:
        return cls(Segment.create(2 * _WORD_BYTES))

    @classmethod
    def attach(cls, name: str) -> Vitals:
        return cls(Segment.attach(name))

    @property
    def name(self) -> str:
        return self._segment.name

    @property
    def beats(self) -> int:
        return int(self._segment.words[0])

    @property
    def realtime_factor(self) -> float:
        return int(self._segment.words[1]) / _FACTOR_STEPS

    def beat(self, realtime_factor: float) -> None:
        self._segment.words[0] += 1
        self._segment.words[1] = round(realtime_factor * _FACTOR_STEPS)

    def close(self) -> None:
        self._segment.close()
