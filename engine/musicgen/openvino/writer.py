"""A safetensors file written array by array, whose header is filled in at the end.

Every array begins at a multiple of `ALIGNMENT` bytes, so that it can be used where it is mapped.
The format wants no holes between arrays, so what fills one up has a name, too: `fill.N`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from engine.musicgen.openvino.matrices import Array

ALIGNMENT = 64
_ENTRY_BYTES = 256
"""Room in the header for an array and what fills up behind it."""
_NAMES = {
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(np.int64): "I64",
    np.dtype(np.int8): "I8",
    np.dtype(np.uint8): "U8",
}


class Writer:
    """Create it, `add` up to `arrays` arrays, `finish`. The file must not be there before.

    Without `finish` nothing can read the file: it has no header yet. Raises OSError.
    """

    def __init__(self, path: Path, arrays: int) -> None:
        self._header_bytes = -(-(8 + _ENTRY_BYTES * (arrays + 1)) // ALIGNMENT) * ALIGNMENT
        self._entries: dict[str, Any] = {}
        self._at = 0
        self._file = path.open("xb")
        self._file.seek(self._header_bytes)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str, array: Array) -> None:
        assert name not in self._entries, name
        self._put(name, array)
        over = self._at % ALIGNMENT
        if over:
            self._put(f"fill.{len(self._entries)}", np.zeros(ALIGNMENT - over, np.uint8))

    def finish(self) -> None:
        """Write the header, and wait until all is on the disk."""
        text = json.dumps(self._entries, separators=(",", ":")).encode()
        room = self._header_bytes - 8
        assert len(text) <= room, (len(text), room)
        self._file.seek(0)
        self._file.write(room.to_bytes(8, "little") + text.ljust(room))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _put(self, name: str, array: Array) -> None:
        end = self._at + array.nbytes
        self._entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [self._at, end],
        }
        self._file.write(np.ascontiguousarray(array).data)
        self._at = end
