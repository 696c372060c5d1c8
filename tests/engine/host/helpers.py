"""What the tests of the host share: steering, a reader that splices, an offline reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np

from engine import fake
from engine.api import (
    Audio,
    Chunk,
    EngineHandle,
    EngineInfo,
    Steering,
    StreamReader,
    WeightedPrompt,
)

DEADLINE_S = 30.0
"""For things that take milliseconds: only a machine that stands still exceeds it."""


def steering(prompt: str, seed: int = 0, morph_frames: int = 0) -> Steering:
    return Steering((WeightedPrompt(prompt),), morph_frames=morph_frames, seed=seed)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.002)


class Splicer:
    """Puts chunks together as a deck does: a lower start replaces what followed it."""

    def __init__(self, info: EngineInfo) -> None:
        self._hop = info.hop
        self.audio: Audio = np.zeros((0, info.channels), np.float32)
        self.epochs: list[int] = []
        """Of each frame."""
        self.starts: list[int] = []
        self.lengths: list[int] = []

    @property
    def frames(self) -> int:
        return len(self.epochs)

    def add(self, chunk: Chunk) -> None:
        assert chunk.start <= self.frames, "a gap in the stream"
        assert len(chunk.audio) % self._hop == 0
        frames = len(chunk.audio) // self._hop
        self.audio = np.concatenate([self.audio[: chunk.start * self._hop], chunk.audio])
        self.epochs[chunk.start :] = [chunk.epoch] * frames
        self.starts.append(chunk.start)
        self.lengths.append(frames)

    def drain(self, reader: StreamReader) -> None:
        while (chunk := reader.read()) is not None:
            self.add(chunk)


class Log:
    """The steering that holds after a series of `Steer`s: (frame, epoch, steering) in order."""

    def __init__(self, first: Steering) -> None:
        self._first = first
        self._steers: list[tuple[int, int, Steering]] = []

    def add(self, frame: int, epoch: int, steering: Steering) -> None:
        self._steers = [steer for steer in self._steers if steer[0] < frame]
        self._steers.append((frame, epoch, steering))

    def audio(self, engine: fake.FakeEngine, frames: int) -> Audio:
        """What a stream that is stepped straight on, never rewound, plays."""
        stream = engine.open(self._first)
        parts = [np.zeros((0, engine.info.channels), np.float32)]
        for frame, _, steering in [*self._steers, (frames, 0, self._first)]:
            until = min(frame, frames) - stream.position
            if until > 0:
                parts += engine.step([stream], until)
            stream.steer(steering)
        return np.concatenate(parts)

    def epochs(self, frames: int) -> list[int]:
        epochs = [0] * frames
        for frame, epoch, _ in self._steers:
            epochs[frame:] = [epoch] * max(0, frames - frame)
        return epochs


def play(
    handle: EngineHandle,
    reader: StreamReader,
    frames: int,
    played: Splicer | None = None,
    epoch: int = 0,
) -> Splicer:
    """Read a stream up to `frames` and until `epoch` is in, the ear following at once."""
    splicer = played or Splicer(handle.info)

    def reached() -> bool:
        splicer.drain(reader)
        reader.heard(splicer.frames)
        return splicer.frames >= frames and max(splicer.epochs, default=0) >= epoch

    wait_for(reached, f"{frames} frames")
    return splicer


def render(handle: EngineHandle, readers: Iterable[StreamReader]) -> list[Splicer]:
    """Read renders to their end."""
    pairs = [(reader, Splicer(handle.info)) for reader in readers]

    def done() -> bool:
        finished = [reader.finished for reader, _ in pairs]
        for reader, splicer in pairs:
            splicer.drain(reader)
        return all(finished)

    wait_for(done, "renders")
    return [splicer for _, splicer in pairs]
