"""Recording what a function does on a GPU, to have it done again without Python.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch


class Recorder(Protocol):
    """Runs functions that work on memory which stays where it is."""

    def run(self, step: Callable[[], None]) -> None:
        """Once, so that whatever a library makes at a first call is there when it is recorded."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Once, too; returns what does the same again, on the same memory, whenever it is called.
        Raises RuntimeError if it cannot be recorded."""


class CudaRecorder:
    """CUDA graphs. All of them work in one piece of memory, since only one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        cuda: Any = torch.cuda
        self._stream = cuda.Stream(device)  # the default one cannot be recorded
        self._pool = cuda.graph_pool_handle()

    def run(self, step: Callable[[], None]) -> None:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            step()
        current.wait_stream(self._stream)

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """By hand: `torch.cuda.graph` collects Python's garbage and empties the allocator's cache
        first, which takes longer than a recording, and in play there is music to be made."""
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize(self._device)
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            # Other threads of the process may go on as they like.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                step()
            finally:
                graph.capture_end()
        graph.replay()
        return graph.replay
