"""The outline of a WAV file: the lowest and the highest sample of each of so many columns.

Threading: `Peaks.of` may be called from any thread, by several at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.clips.wav import WavReader, open_wav
from engine.errors import BadValue

Outline = NDArray[np.int8]
"""`[columns, 2]`: lowest, highest; 127 is full scale. Of all channels together."""

MAX_COLUMNS = 4096
"""More than a screen is wide."""
FULL_SCALE = 127
_KEPT = 1000
_BLOCK_SAMPLES = 1 << 15


class Peaks:
    """Outlines of files, each made once and kept while the file stays as it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int, int], Outline] = OrderedDict()

    def of(self, path: Path, columns: int) -> Outline:
        """In `columns` columns, 1..4096, or as many as the file has samples if those are fewer.

        Raises BadValue if there are too many or the file cannot be read, OSError if it is gone.
        """
        if not 1 <= columns <= MAX_COLUMNS:
            raise BadValue(f"columns {columns} is out of range 1..{MAX_COLUMNS}")
        state = path.stat()
        key = str(path), state.st_mtime_ns, state.st_size, columns
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with open_wav(path) as wav:
            made = outline(wav, columns)
        with self._lock:
            self._kept[key] = made
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def outline(wav: WavReader, columns: int) -> Outline:
    """The outline of an open file, read block by block. Raises BadValue for foreign samples."""
    columns = min(columns, len(wav))
    edges = [i * len(wav) // columns for i in range(columns + 1)] if columns else [0]
    lowest = np.full(columns, np.inf, np.float32)
    highest = np.full(columns, -np.inf, np.float32)
    column = 0
    for at in range(0, len(wav), _BLOCK_SAMPLES):
        block = np.nan_to_num(wav.read(at, at + _BLOCK_SAMPLES))
        last = _last_column(edges, column, at + len(block))
        # The first column has begun before this block, maybe.
        starts = [0, *(edge - at for edge in edges[column + 1 : last + 1])]
        here = slice(column, last + 1)
        low = np.minimum.reduceat(block.min(axis=1), starts)
        high = np.maximum.reduceat(block.max(axis=1), starts)
        lowest[here] = np.minimum(lowest[here], low)
        highest[here] = np.maximum(highest[here], high)
        column = last + (edges[last + 1] == at + len(block))
    both = np.stack([np.floor(lowest * FULL_SCALE), np.ceil(highest * FULL_SCALE)], axis=1)
    return np.asarray(np.clip(both, -FULL_SCALE, FULL_SCALE), np.int8)


def _last_column(edges: list[int], first: int, end: int) -> int:
    """The column that sample `end - 1` lies in, from `first` on."""
    last = first
    while edges[last + 1] < end:
        last += 1
    return last
