"""An engine in the caller's own thread: for tests, `generate` and `replay`.

Nothing happens but inside a call: `read` and `poll` do the engine's work. The same calls give the
same chunks. Memory is bounded as it is with a process, by the rings.

Threading: any thread may call anything; one lock makes them take turns.
"""

from __future__ import annotations

import math
import threading

from engine.api import (
    Command,
    EngineFactory,
    EngineInfo,
    Event,
    Open,
    Recording,
    Steering,
    StreamReader,
)
from engine.errors import EngineLost
from engine.host.reader import RingReader, ring_samples
from engine.host.ring import ChunkRing, new_buffer
from engine.host.runner import Runner


class InlineEngine:
    """See `engine.api.EngineHandle`. May raise whatever `factory` does."""

    def __init__(self, factory: EngineFactory) -> None:
        self._engine = factory()
        # Without such limits no chunk depends on how fast the machine is.
        self._runner = Runner(
            self._engine, self._attach, live_step_s=math.inf, render_slice_s=math.inf
        )
        self._lock = threading.RLock()
        self._buffers: dict[str, bytearray] = {}
        self._readers: dict[int, RingReader] = {}
        self._opened = 0
        self._running = True

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def open(
        self,
        steering: Steering,
        *,
        lookahead: int = 0,
        length: int | None = None,
        opening: Recording | None = None,
    ) -> StreamReader:
        samples = ring_samples(self.info, lookahead, length)
        with self._lock:
            self._opened += 1
            stream, name = self._opened, f"ring {self._opened}"
            self._buffers[name] = new_buffer(samples, self.info.channels)
            self._send(Open(stream, name, steering, lookahead, length, opening))
            ring = ChunkRing.over(self._buffers.pop(name), name)
            reader = RingReader(stream, ring, self._send, self._pump, self._forget)
            self._readers[stream] = reader
        return reader

    def poll(self) -> list[Event]:
        self._pump()
        with self._lock:
            return self._runner.take_events()

    @property
    def realtime_factor(self) -> float:
        return self._runner.realtime_factor

    def alive(self) -> bool:
        return self._running

    def shutdown(self) -> None:
        with self._lock:
            if not self._running:
                return
            for reader in list(self._readers.values()):
                reader.close()
            self._running = False
            self._runner.close()
            self._engine.close()

    def _send(self, command: Command) -> None:
        with self._lock:
            if not self._running:
                raise EngineLost("the engine was shut down; start one again")
            self._runner.handle(command)

    def _pump(self) -> bool:
        with self._lock:
            return self._running and self._runner.step()

    def _attach(self, name: str) -> ChunkRing:
        return ChunkRing.over(self._buffers[name], name)

    def _forget(self, stream: int) -> None:
        self._readers.pop(stream, None)
