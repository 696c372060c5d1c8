"""A tiny engine for tests: a tone for each prompt, a little noise for each seed, and faults.

Every sample is a function of its own index and of the steering that holds there, so any two ways
of stepping, steering and rewinding to the same end give the same samples, bit for bit. The tone
is the blend of one sawtooth a prompt, its pitch drawn from the prompt's text; a morph is a
linear cross-fade from the steering before. A stream that goes on from a recording holds its last
sample for a while first.

Prompts that misbehave once a step reaches them: `!crash` raises, `!hang` never returns, `!die`
ends the process without a word, `!nan` makes samples that are no numbers.
"""

from __future__ import annotations

import os
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.api import REWIND_S, Audio, EngineInfo, Recording, Steering, Stream
from engine.errors import BadValue, EngineError, EngineUnavailable

_TONE_LEVEL = 0.2
_NOISE_LEVEL = 0.01
_MEMORY_S = 2 * REWIND_S
HELD_S = 0.1
"""How long a stream that goes on from a recording holds its last sample."""


def load(rate: int = 48000, channels: int = 2, hop: int = 1, continues: bool = False) -> FakeEngine:
    return FakeEngine(
        EngineInfo(
            name="fake",
            model="fake-1",
            device="cpu",
            rate=rate,
            channels=channels,
            hop=hop,
            keeps_time=False,
            notice="a test tone",
            continues=continues,
        )
    )


def refuse(reason: str) -> FakeEngine:
    """A factory for an engine that cannot start here: raises EngineUnavailable with `reason`."""
    raise EngineUnavailable(reason)


@dataclass(frozen=True, slots=True)
class _Change:
    frame: int
    steering: Steering
    before: Steering
    """What the morph comes from."""


class FakeStream:
    """See `engine.api.Stream`."""

    def __init__(
        self, info: EngineInfo, steering: Steering, opening: Recording | None = None
    ) -> None:
        self._info = info
        self.opening = opening
        self._changes = [_Change(0, steering, steering)]
        self._furthest = 0
        self.position = 0

    def prepare(self) -> bool:
        return False

    def steer(self, steering: Steering) -> None:
        before = self._changes[-1].steering
        self._changes.append(_Change(self.position, steering, before))

    def rewind(self, frame: int) -> None:
        oldest = max(0, self._furthest - self._frames(_MEMORY_S))
        if not oldest <= frame <= self.position:
            raise BadValue(f"rewind to frame {frame}; the range is {oldest}..{self.position}")
        # Steering from this very frame on was never heard, so it goes too; the first one stays.
        kept = bisect_left(self._changes, frame, key=lambda change: change.frame)
        del self._changes[max(kept, 1) :]
        self.position = frame

    def advance(self, frames: int) -> Audio:
        """float32 `[frames * hop, channels]`"""
        audio = np.empty((frames * self._info.hop, self._info.channels), np.float32)
        first, end = self.position, self.position + frames
        while first < end:
            index = bisect_right(self._changes, first, key=lambda change: change.frame)
            following = self._changes[index].frame if index < len(self._changes) else end
            last = min(end, following)
            part = self._render(self._changes[index - 1], first, last)
            at = (first - self.position) * self._info.hop
            audio[at : at + len(part)] = part
            first = last
        self.position = end
        self._furthest = max(self._furthest, end)
        self._prune()
        return audio

    def _render(self, change: _Change, first: int, last: int) -> Audio:
        """float32 `[(last - first) * hop, channels]`"""
        samples = np.arange(first * self._info.hop, last * self._info.hop, dtype=np.int64)
        wave = _wave(change.steering, samples, self._info.rate)
        if change.steering.morph_frames > 0:
            since = samples - change.frame * self._info.hop
            share = np.minimum(since / (change.steering.morph_frames * self._info.hop), 1.0)
            wave = share * wave + (1 - share) * _wave(change.before, samples, self._info.rate)
        if self.opening is not None:
            held = samples < HELD_S * self._info.rate
            wave = np.where(held, self.opening.audio[-1].mean(), wave)
        # Each channel at a level of its own, so that swapped channels show.  [samples, channels]
        levels = 1.0 / np.arange(1, self._info.channels + 1)
        return (wave[:, None] * levels).astype(np.float32)

    def _frames(self, seconds: float) -> int:
        return int(seconds * self._info.rate / self._info.hop)

    def _prune(self) -> None:
        oldest = self._furthest - self._frames(_MEMORY_S)
        while len(self._changes) > 1 and self._changes[1].frame < oldest:
            del self._changes[0]


class FakeEngine:
    """See `engine.api.Engine`."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        if opening is not None and not self.info.continues:
            raise EngineError("the fake engine was not told to go on from recordings")
        return FakeStream(self.info, steering, opening)

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        audios: list[Audio] = []
        for stream in streams:
            assert isinstance(stream, FakeStream)
            audios.append(stream.advance(frames))
        return audios

    def close(self) -> None:
        pass


def _wave(steering: Steering, samples: NDArray[np.int64], rate: int) -> NDArray[np.float64]:
    """float64 `[samples]`"""
    total = sum(prompt.weight for prompt in steering.prompts) or 1.0
    wave = _NOISE_LEVEL * _noise(steering.seed, samples)
    for prompt in steering.prompts:
        _misbehave(prompt.text)
        pitch_hz = 100 + zlib.crc32(prompt.text.encode()) % 400
        phase = (samples * pitch_hz % rate) / rate
        level = np.nan if prompt.text == "!nan" else _TONE_LEVEL
        wave += level * (prompt.weight / total) * (2 * phase - 1)
    return wave


def _noise(seed: int, samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Uniform in -1..1, a function of seed and index alone (the mixer of splitmix64)."""
    mixed = samples.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(11)) / 2.0**52 - 1.0


def _misbehave(prompt: str) -> None:
    if prompt == "!crash":
        raise RuntimeError("the fake engine was told to crash")
    if prompt == "!die":
        os._exit(3)
    while prompt == "!hang":
        time.sleep(1.0)
