"""Background renders by an engine in a process of its own, which is killed on the way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Hashable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from bridge.clips.jobs import RenderJobs
from bridge.clips.request import ClipRequest
from bridge.clips.wav import read_wav
from bridge.row import Value
from engine import fake
from engine.api import EngineHandle, WeightedPrompt
from engine.errors import EngineLost
from engine.host.client import ProcessEngine
from engine.host.inline import InlineEngine
from tests.bridge.clips.rendering import render_clip

RATE = 8000
FACTORY = partial(fake.load, RATE)
LONG = ClipRequest((WeightedPrompt("lofi"),), bars=64, bpm=120.0, seed=3)


class Owner:
    """Starts engines, and kills the first one once a job has made some progress."""

    def __init__(self, folder: Path) -> None:
        self.engines = [ProcessEngine(FACTORY, 60.0)]
        self.ended: queue.Queue[tuple[str, tuple[Value, ...]]] = queue.Queue()
        self._restarting = False
        self.jobs = RenderJobs(self._engine, folder, self._tell)

    def _engine(self) -> EngineHandle:
        if self._restarting:
            raise EngineLost("it is being restarted")
        return self.engines[-1]

    def _tell(self, _: Hashable, address: str, /, *args: Value) -> None:
        if address == "/clip/progress" and args[1] and len(self.engines) == 1:
            psutil.Process(self.engines[0].pid).kill()
            self._restarting = True
            self.engines.append(self.engines[0])
            threading.Thread(target=self._restart).start()
        if address in ("/clip/done", "/clip/failed"):
            self.ended.put((address, args))

    def _restart(self) -> None:
        self.engines[0].shutdown()
        self.engines[-1] = ProcessEngine(FACTORY, 60.0)
        self._restarting = False

    def close(self) -> None:
        self.jobs.close()
        for engine in self.engines:
            engine.shutdown()


@pytest.mark.slow
def test_a_killed_engine_costs_time_and_nothing_else(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    try:
        owner.jobs.submit([LONG], None)
        address, args = owner.ended.get(timeout=90)
    finally:
        owner.close()
    assert (address, args[2]) == ("/clip/done", 128.0)
    assert len(owner.engines) == 2
    audio = read_wav(tmp_path / str(args[1])).audio
    np.testing.assert_allclose(audio, render_clip(InlineEngine(FACTORY), LONG), atol=2**-24)
