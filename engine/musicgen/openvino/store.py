"""A safetensors file whose arrays are mapped, not read: they take no memory until they are used,
and the system may have it back."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engine.errors import EngineUnavailable

if TYPE_CHECKING:
    from engine.musicgen.openvino.matrices import Array

_DTYPES = {"F32": np.float32, "F16": np.float16, "I8": np.int8, "U8": np.uint8, "I64": np.int64}


class Weights(Protocol):
    """Arrays by name."""

    def __contains__(self, name: str) -> bool: ...

    def array(self, name: str) -> Array:
        """Not copied. Raises KeyError."""


class Arrays(Weights):
    """Those of a dictionary."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def array(self, name: str) -> Array:
        return self._arrays[name]


class Store(Weights):
    """Those of a file. Raises EngineUnavailable if `path` is not as it was written."""

    def __init__(self, path: Path) -> None:
        try:
            # Copied on write, since OpenVINO takes no memory that it could not write to.
            with path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            size = int.from_bytes(self._mapped[:8], "little")
            header: dict[str, Any] = json.loads(self._mapped[8 : 8 + size])
            self._data = np.frombuffer(self._mapped, np.uint8)[8 + size :]
            self.metadata: dict[str, str] = header.pop("__metadata__", {})
            self._places = header
            ends = [place["data_offsets"][1] for place in header.values()]
            whole = max(ends, default=0) == len(self._data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineUnavailable(f"{path} cannot be read ({error}): remove it") from None
        if not whole:
            raise EngineUnavailable(f"{path} is cut off: remove it")

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def array(self, name: str) -> Array:
        """In the file's memory. Raises KeyError."""
        place = self._places[name]
        begin, end = place["data_offsets"]
        flat = self._data[begin:end].view(_DTYPES[place["dtype"]])
        return flat.reshape(place["shape"])

    def release(self) -> None:
        """Give back the memory of what was read: OpenVINO has its own copies. It comes again by
        itself if it is needed once more. Windows takes it when it is short of memory."""
        if hasattr(self._mapped, "madvise"):
            self._mapped.madvise(mmap.MADV_DONTNEED)
