"""Keys and values of all streams in one memory, in blocks, as paged attention wants them.

A cache is a list of blocks for each of its rows. The pool grows when a new one finds too few that
no other has. Threading: the runner's thread only.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.musicgen.kv import ROWS
from engine.musicgen.openvino.runtime import openvino

BLOCK_STEPS = 32
"""Positions in a block, as OpenVINO has it on a CPU."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PagedCache:
    """Memory for up to `steps` positions of one sequence, in `ROWS` rows."""

    pool: Pool
    steps: int
    blocks: NDArray[np.int32]
    """`[ROWS, blocks]`"""

    def copy_row(self, length: int) -> None:
        """Give row 1 the past of row 0, `length` positions of it."""
        used = -(-length // BLOCK_STEPS)
        self.pool.copy(self.blocks[0, :used], self.blocks[1, :used])


class Pool:
    """The blocks of every layer, float16 `[blocks, heads, BLOCK_STEPS, head_dim]`, bound to the
    inputs of a network's request."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._parts = {
            port.get_any_name(): np.zeros(_shape(port), np.float16)
            for port in request.get_compiled_model().inputs
            if "_cache." in port.get_any_name()
        }
        self._blocks = 0
        self._free: list[int] = []

    def new_cache(self, steps: int) -> PagedCache:
        """Raises MemoryError."""
        count = -(-steps // BLOCK_STEPS)
        self._grow(ROWS * count - len(self._free))
        taken = [self._free.pop() for _ in range(ROWS * count)]
        cache = PagedCache(self, steps, np.array(taken, np.int32).reshape(ROWS, count))
        weakref.finalize(cache, self._free.extend, reversed(taken))
        return cache

    def _grow(self, more: int) -> None:
        """Written to at once: memory that only grows with the music is found too late."""
        if more <= 0:
            return
        had, self._blocks = self._blocks, self._blocks + more
        for name, part in self._parts.items():
            grown = np.empty((self._blocks, *part.shape[1:]), part.dtype)
            grown[:had], grown[had:] = part, 0
            self._parts[name] = grown
            self._request.set_tensor(name, openvino().Tensor(grown, shared_memory=True))
        self._free.extend(reversed(range(had, self._blocks)))

    def copy(self, source: NDArray[np.int32], target: NDArray[np.int32]) -> None:
        for part in self._parts.values():
            part[target] = part[source]


def _shape(port: Any) -> tuple[int, ...]:
    """Of no block yet."""
    return 0, *(length.get_length() for length in list(port.get_partial_shape())[1:])
