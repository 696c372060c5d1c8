"""An engine that a test can stop, watch and kill at a given read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine import fake
from engine.api import Chunk, EngineInfo, Event, Recording, Steering, StreamReader
from engine.host.inline import InlineEngine

RATE = 8000


class WatchedEngine:
    """The fake engine, inline; `on_read` is called before each read with the reads before it."""

    def __init__(self, on_read: Callable[[int], None] = lambda _: None, rate: int = RATE) -> None:
        self._inner = InlineEngine(partial(fake.load, rate))
        self.on_read = on_read
        self.reads = 0
        self.opened: list[Steering] = []
        self.read_streams: list[int] = []

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    @property
    def realtime_factor(self) -> float:
        return self._inner.realtime_factor

    def open(
        self,
        steering: Steering,
        *,
        lookahead: int = 0,
        length: int | None = None,
        opening: Recording | None = None,
    ) -> StreamReader:
        self.opened.append(steering)
        reader = self._inner.open(steering, lookahead=lookahead, length=length, opening=opening)
        return WatchedReader(reader, self)

    def poll(self) -> list[Event]:
        return self._inner.poll()

    def alive(self) -> bool:
        return self._inner.alive()

    def shutdown(self) -> None:
        self._inner.shutdown()


class WatchedReader:
    """See `engine.api.StreamReader`."""

    def __init__(self, inner: StreamReader, engine: WatchedEngine) -> None:
        self._inner = inner
        self._engine = engine

    @property
    def stream(self) -> int:
        return self._inner.stream

    def read(self) -> Chunk | None:
        engine = self._engine
        engine.on_read(engine.reads)
        engine.reads += 1
        engine.read_streams.append(self.stream)
        return self._inner.read()

    def heard(self, frame: int) -> None:
        self._inner.heard(frame)

    def steer(self, frame: int, steering: Steering) -> int:
        return self._inner.steer(frame, steering)

    @property
    def finished(self) -> bool:
        return self._inner.finished

    def close(self) -> None:
        self._inner.close()
