"""The embedded synthesiser: reads a prompt's style words and plays them on the grid. No AI.

`prompt` reads words, `catalogue` holds the styles, `arrange` picks players, `score` writes any
bar, `bank` keeps rendered notes, `steering` turns a change into segments, `stream` mixes.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.api import (
    Audio,
    Engine,
    EngineInfo,
    Recording,
    Steering,
    Stream,
    Timing,
    WeightedPrompt,
)
from engine.errors import EngineError
from engine.groove.bank import SoundBank
from engine.groove.stream import GrooveStream, Ramps
from engine.groove.tones import warm_spaces


class GrooveEngine:
    """`engine.api.Engine`. Threading: the runner's thread only."""

    def __init__(self, rate: int) -> None:
        self._info = EngineInfo(
            name="groove",
            model="synthesiser, no AI",
            device="cpu",
            rate=rate,
            channels=2,
            hop=1,
            keeps_time=True,
            notice="a synthesiser, no AI",
        )
        self._bank = SoundBank(rate)
        self._ramps = Ramps(rate)

    @property
    def info(self) -> EngineInfo:
        return self._info

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> GrooveStream:
        if opening is not None:
            raise EngineError("groove cannot go on from a recording: it needs --engine musicgen")
        return GrooveStream(steering, self._bank, self._ramps)

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        out = []
        for stream in streams:
            assert isinstance(stream, GrooveStream)
            out.append(stream.step(frames))
        return out

    def close(self) -> None:
        """Nothing is held but memory."""


_ANYTHING = Steering((WeightedPrompt(""),), timing=Timing(0.0, 0.0, 120.0))


def load(rate: int = 48_000) -> Engine:
    """The synthesiser at a sample rate, warm: the first note of all takes 30 ms longer, the first
    in each room 5 ms."""
    engine = GrooveEngine(rate)
    engine.step([engine.open(_ANYTHING)], 1)  # numpy loads parts of itself when they are used
    warm_spaces(rate)
    return engine
