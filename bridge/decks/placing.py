"""How the samples of a stream come to lie on the output's timeline.

Offsets are output samples since the feed's origin: where the stream begins to be heard.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bridge.time.tempo import Meter, TempoMap
from engine.api import Audio, Chunk


@dataclass(frozen=True, slots=True)
class Placed:
    """Audio where it is heard. An `offset` lower than where the last one ended means: forget what
    came after it; this one goes on from there without a click."""

    offset: int
    epoch: int
    """Of the newest steering that it obeys."""
    audio: Audio = field(repr=False)
    """float32 `[samples, 2]`"""


class Placing(Protocol):
    """One stream's way to the output."""

    @property
    def state(self) -> str:
        """What `/deck/N/lock` tells: `exact` `waiting` `locked` `free` `off`."""

    def take(self, chunk: Chunk) -> None:
        """The next chunk of the stream."""

    def placed(self) -> Iterator[Placed]:
        """What can be laid out now."""

    def frame_at(self, offset: int) -> int:
        """The stream's frame that is heard at `offset`, or will be."""

    def retime(self, offset: int, tempo: TempoMap, meter: Meter) -> None:
        """From `offset` on the transport is another; `tempo` counts from the origin as well."""

    def expect(self, bpm: float) -> None:
        """What the stream makes from now on is meant to be at another tempo."""

    def switch(self, on: bool) -> None:
        """Whether the stream is to be kept on the grid, if it does not keep to it by itself."""

    def heard(self, offset: int) -> None:
        """How far the ear is; negative before the origin."""

    def close(self) -> None: ...


class Straight:
    """Sample by sample: of an engine that places its notes itself."""

    state = "exact"

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._chunks: deque[Chunk] = deque()

    def take(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)

    def placed(self) -> Iterator[Placed]:
        while self._chunks:
            chunk = self._chunks.popleft()
            yield Placed(chunk.start * self._hop, chunk.epoch, stereo(chunk.audio))

    def frame_at(self, offset: int) -> int:
        return max(0, offset // self._hop)

    def retime(self, offset: int, tempo: TempoMap, meter: Meter) -> None:
        """The engine is told of it."""

    def expect(self, bpm: float) -> None:
        """And does it."""

    def switch(self, on: bool) -> None:
        """It is on the grid anyway."""

    def heard(self, offset: int) -> None:
        """Nothing is made here."""

    def close(self) -> None:
        """Nothing is held here."""


def stereo(audio: Audio) -> Audio:
    """float32 `[samples, 2]` of any number of channels: one for both ears, or the first two."""
    return np.repeat(audio, 2, axis=1) if audio.shape[1] == 1 else audio[:, :2]
