"""Sound on its way from the engine into a file: kept outside of memory, read as often as needed.

What a clip is turned down by is known once all of it has been made. Until then it waits in a file
without a name beside its place, which goes with the process whatever ends it. Short sounds never
reach the disk.

Threading: one thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile

import numpy as np

from bridge.clips.files import FolderError, why
from engine.api import Audio

HELD_BYTES = 4 * 2**20
"""Up to here it stays in memory: ten seconds at 48 kHz, a loop of a few bars."""

BLOCK_SAMPLES = 1 << 15
"""Read at a time: the interpreter stays free for the sound in between."""

_SAMPLE_BYTES = 4


class Spool:
    """float32 `[samples, channels]`: first appended to, then read."""

    def __init__(self, folder: Path, channels: int) -> None:
        """`folder` is where it lies, made if there is none. Raises FolderError."""
        self.channels = channels
        self.peak = 0.0
        """The highest sample so far, full scale is 1."""
        self.lock = "exact"
        """How it lies on the grid: `exact`, `locked`, or `free`, without a clear beat."""
        self._folder = folder
        self._samples = 0
        with self._saying_why():
            folder.mkdir(parents=True, exist_ok=True)
        self._file = SpooledTemporaryFile(max_size=HELD_BYTES, dir=str(folder))  # noqa: SIM115

    def __len__(self) -> int:
        """Samples so far."""
        return self._samples

    def append(self, audio: Audio) -> None:
        """Add float32 `[samples, channels]` at the end. Raises FolderError if it cannot be kept."""
        with self._saying_why():
            self._file.write(np.ascontiguousarray(audio, np.float32).tobytes())
        self._samples += len(audio)
        self.peak = max(self.peak, float(np.abs(audio).max(initial=0.0)))

    def read(self, first: int, last: int) -> Audio:
        """Samples `first` up to `last`, which must be there. Raises FolderError."""
        frame_bytes = self.channels * _SAMPLE_BYTES
        with self._saying_why():
            self._file.seek(first * frame_bytes)
            raw = self._file.read((last - first) * frame_bytes)
        return np.frombuffer(raw, np.float32).reshape(-1, self.channels)

    def blocks(self) -> Iterator[Audio]:
        """All of it in order, float32 `[up to BLOCK_SAMPLES, channels]`. Raises FolderError."""
        for first in range(0, self._samples, BLOCK_SAMPLES):
            yield self.read(first, min(first + BLOCK_SAMPLES, self._samples))

    def close(self) -> None:
        """Forget it. Safe to call twice."""
        with contextlib.suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()

    @contextlib.contextmanager
    def _saying_why(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderError(why(error, self._folder)) from error
