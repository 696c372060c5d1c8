"""The master output into a WAV file, for as long as it is wanted.

Threading: `start`, `feed`, `stop` and `recording` are for the one thread that makes the sound,
and never wait for the disk; `close` may come from any, once that thread has ended. One thread of
the recorder's own writes the files and calls `on_done`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from bridge.clips.take import Take
from engine.api import Audio
from engine.errors import SidemanError

QUEUE_S = 10.0
"""How far the disk may fall behind before blocks are lost."""

_SILENT_BLOCK_SAMPLES = 4096

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a recording ended."""

    file: str
    """Its name in the folder; empty if it could not be put there."""
    seconds: float
    dropped_blocks: int
    """Blocks that the disk was too slow for; silence stands in their place."""
    reason: str
    """One line if it ended by itself or is not in the folder, else empty."""


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    at: datetime


@dataclass(frozen=True, slots=True)
class _Missing:
    """Blocks that did not fit the queue."""

    samples: int = 0
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


class Recorder:
    """Records blocks of float32 `[samples, channels]` at `rate` into `folder`."""

    def __init__(
        self, folder: Path, rate: int, on_done: Callable[[Recorded], None], channels: int = 2
    ) -> None:
        self._folder = folder
        self._rate = rate
        self._channels = channels
        self._on_done = on_done
        self._limit_samples = round(QUEUE_S * rate)
        self._changed = threading.Condition()
        self._items: deque[_Start | Audio | _Missing | _Stop] = deque()
        self._queued_samples = 0
        self._missing = _Missing()
        self._current: _Start | None = None
        """The recording that is being fed."""
        self._closing = False
        self._take: Take | None = None  # from here on the worker's own
        self._dropped_blocks = 0
        self._worker = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._worker.start()

    @property
    def recording(self) -> bool:
        """Whether `feed` is being kept: False again once the disk has refused it."""
        return self._current is not None

    def start(self, now: datetime) -> None:
        """Begin `master_<date>_<time>.wav`; does nothing while one is being recorded."""
        with self._changed:
            if self._current is None:
                self._current = _Start(now)
                self._missing = _Missing()
                self._put(self._current)

    def feed(self, audio: Audio) -> None:
        """The next block, of any length; copied. Does nothing while nothing is recorded."""
        with self._changed:
            if self._current is None:
                return
            if self._queued_samples + len(audio) > self._limit_samples:
                before = self._missing
                self._missing = _Missing(before.samples + len(audio), before.blocks + 1)
                return
            self._put_missing()
            self._queued_samples += len(audio)
            self._put(audio.copy())

    def stop(self) -> None:
        """End the recording; `on_done` tells when it is in place."""
        with self._changed:
            if self._current is not None:
                self._put_missing()
                self._put(_Stop())
                self._current = None

    def close(self) -> None:
        """End the recording, if there is one, and wait until it is in place."""
        self.stop()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._worker.join()

    def _put_missing(self) -> None:
        if self._missing.blocks:
            self._put(self._missing)
            self._missing = _Missing()

    def _put(self, item: _Start | Audio | _Missing | _Stop) -> None:
        self._items.append(item)
        self._changed.notify()

    def _work(self) -> None:
        recording: _Start | None = None
        while (item := self._next()) is not None:
            if isinstance(item, _Start):
                recording = item
            try:
                self._take_in(item)
            except SidemanError as error:
                self._give_up(recording, str(error))
            except Exception:  # the next recording must find a worker
                _log.exception("a recording broke")
                self._give_up(recording, "an error inside sideman: see the server's log")

    def _next(self) -> _Start | Audio | _Missing | _Stop | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing)
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, np.ndarray):
                self._queued_samples -= len(item)
            return item

    def _take_in(self, item: _Start | Audio | _Missing | _Stop) -> None:
        """Raises FolderError if the disk refuses."""
        if isinstance(item, _Start):
            self._dropped_blocks = 0
            self._take = Take(self._folder, self._rate, self._channels, item.at)
        elif self._take is None:
            return  # what was still queued of a recording that has failed
        elif isinstance(item, _Stop):
            self._finish("")
        elif isinstance(item, _Missing):
            self._dropped_blocks += item.blocks
            for at in range(0, item.samples, _SILENT_BLOCK_SAMPLES):
                rest = min(_SILENT_BLOCK_SAMPLES, item.samples - at)
                self._take.write(np.zeros((rest, self._channels), np.float32))
        else:
            self._take.write(item)

    def _give_up(self, recording: _Start | None, reason: str) -> None:
        """End a recording that the disk refuses, and keep what there is of it."""
        with self._changed:
            if self._current is recording:
                self._current = None
        if self._take is None:
            self._on_done(Recorded("", 0.0, 0, reason))
        else:
            self._finish(reason)

    def _finish(self, reason: str) -> None:
        take, self._take = self._take, None
        assert take is not None
        file = ""
        try:
            file = take.finish().name
        except SidemanError as error:
            reason = reason or str(error)
        self._on_done(Recorded(file, take.seconds, self._dropped_blocks, reason))
