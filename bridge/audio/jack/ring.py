"""Samples from one process to another, without a lock: who writes never waits for who reads.

Threading: one thread writes and one reads, in whatever processes; anyone may look at the counts.
Each count has one writer, and is changed after the samples that it speaks of.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio

WRITTEN, TAKEN, STARVED, XRUNS, BLOCK, GONE = range(6)


class Ring:
    """`capacity` samples of `channels` channels, and the counts beside them.

    It is made before the other process, and handed to it as an argument.
    """

    def __init__(self, context: SpawnContext, channels: int, capacity: int) -> None:
        self.channels = channels
        self.capacity = capacity
        self._raw_counts = context.RawArray("q", GONE + 1)
        self._raw_samples = context.RawArray("f", channels * capacity)
        self._map()

    def _map(self) -> None:
        self.counts: NDArray[np.int64] = np.frombuffer(self._raw_counts, np.int64)
        # A port's samples lie side by side in JACK, so they do here.  [channels, capacity]
        samples: NDArray[np.float32] = np.frombuffer(self._raw_samples, np.float32)
        self._samples = samples.reshape(self.channels, self.capacity)

    def __getstate__(self) -> dict[str, Any]:
        mapped = ("counts", "_samples")
        return {key: value for key, value in self.__dict__.items() if key not in mapped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()

    @property
    def buffered(self) -> int:
        return int(self.counts[WRITTEN] - self.counts[TAKEN])

    def write(self, audio: Audio) -> int:
        """Append float32 `[samples, channels]`; returns how many samples there was room for."""
        count = min(len(audio), self.capacity - self.buffered)
        at = int(self.counts[WRITTEN]) % self.capacity
        first = min(count, self.capacity - at)
        self._samples[:, at : at + first] = audio[:first].T
        self._samples[:, : count - first] = audio[first:count].T
        self.counts[WRITTEN] += count
        return count

    def read_into(self, ports: Sequence[NDArray[np.float32]], samples: int) -> None:
        """The oldest samples, of which there must be so many, to a buffer for each channel."""
        at = int(self.counts[TAKEN]) % self.capacity
        first = min(samples, self.capacity - at)
        for port, channel in zip(ports, self._samples, strict=True):
            port[:first] = channel[at : at + first]
            port[first:samples] = channel[: samples - first]
        self.counts[TAKEN] += samples
