"""A rig whose engine takes time: so many seconds of music a second, whatever it is told."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.api import EngineFactory, EngineHandle
from engine.host.inline import InlineEngine
from tests.bridge.rig import Rig


class PacedEngine(InlineEngine):
    """Makes `pace` seconds of music a second for each stream of a batch, by the clock `now_s`."""

    def __init__(self, factory: EngineFactory, now_s: Callable[[], float], pace: float) -> None:
        super().__init__(factory)
        self.pace = pace
        self._last_pace = pace
        self._now_s = now_s
        self._due_s = math.inf
        """When the chunks under way are done."""

    @property
    def realtime_factor(self) -> float:
        live = sum(track.live for track in self._runner._tracks.values())
        return self._last_pace * max(1, live)

    def set_pace(self, pace: float) -> None:
        self.pace = pace
        if pace:
            self._last_pace = pace
        else:
            self._due_s = math.inf

    def _pump(self) -> bool:
        with self._lock:
            if self._due_s == math.inf:
                self._begin()
            if self._now_s() < self._due_s:
                return False
            self._due_s = math.inf
            return self._running and self._runner.step()

    def _begin(self) -> None:
        self._runner._prepare(live=True)
        batch, frames = self._runner._live_batch()
        if batch and self.pace:
            self._due_s = self._now_s() + frames * self.info.hop / self.info.rate / self.pace


class SlowRig(Rig):
    """The pace can be changed while it plays; 0 is a stall."""

    def __init__(self, factory: EngineFactory, pace: float, decks: int = 4) -> None:
        self.pace = pace
        super().__init__(factory, decks)

    def start_engine(self) -> EngineHandle:
        return PacedEngine(self.factory, lambda: self.now_s, self.pace)

    def set_pace(self, pace: float) -> None:
        engine = self.keeper.handle()
        assert isinstance(engine, PacedEngine)
        engine.set_pace(pace)
