"""A whole bridge without ports, threads or waiting: its clock moves only when it is told to.

The engine runs in the test's thread, the output is the real-time null output on a clock of its
own, so every run is the same to the sample.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bridge import services
from bridge.audio.null import NullOutput
from bridge.clips.audition import Sound
from bridge.clips.folder import ClipItem
from bridge.clips.keeping import Change, Shelf
from bridge.clips.request import ClipRequest
from bridge.conductor import Conductor
from bridge.config import Config
from bridge.controls import Controls, Services
from bridge.decks.recall import Taken
from bridge.dispatch import Batch
from bridge.keeper import EngineKeeper
from bridge.mirror import Mirror
from bridge.models import Models
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.output_keeper import OutputKeeper
from bridge.row import Value
from bridge.session import Session
from bridge.setup import SetUp, Told
from bridge.state import State
from bridge.table import Table
from engine.api import Audio, EngineFactory, EngineHandle, Recording, StreamFault
from engine.errors import BadValue, SidemanError
from engine.host.inline import InlineEngine

RATE = 48000
BLOCK = 256


class Listener:
    """A client that remembers what it was told."""

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.key = self.source = name
        self.gone = False
        self.heard: list[tuple[str, tuple[Value, ...]]] = []

    def send(self, address: str, *args: Value) -> None:
        self.heard.append((address, args))

    def to_port(self, port: int) -> Client:
        return self

    def answers(self, address: str) -> list[tuple[Value, ...]]:
        return [args for got, args in self.heard if got == address]


class _NoClips:
    def submit(self, requests: list[ClipRequest], asker: Client | None) -> list[int]:
        return []

    def capture(self, taken: Taken, asker: Client | None) -> int:
        return 0

    def cancel(self, job: int) -> None: ...

    def runs(self, job: int) -> bool:
        return False

    def list(self, then: Callable[[list[ClipItem]], None]) -> None:
        then([])

    def find(self, name: str) -> Path:
        raise BadValue(f"there is no clip {name}")

    def read(self, name: str, then: Callable[[Recording | SidemanError], None]) -> None: ...

    def keep(
        self,
        change: Callable[[Shelf], Change],
        asker: Client | None,
        then: Callable[[SidemanError | None], None],
    ) -> None:
        then(BadValue("there is no clip"))

    def sound(self, name: str, then: Callable[[Sound | SidemanError], None]) -> None:
        then(BadValue(f"there is no clip {name}"))

    def fault(self, fault: StreamFault) -> None: ...


class _NoRecording:
    running = False

    def start(self, asker: Client | None) -> None: ...

    def stop(self) -> None: ...


class _NoLearning:
    def learn(self, address: str) -> None: ...

    def forget(self, address: str) -> None: ...

    def learnt(self) -> list[tuple[Value, ...]]:
        return [("/deck/1/gain", "CC 7 on channel 1 of nanoKONTROL")]


class Rig:
    """A bridge of `decks` decks around the engine that `factory` loads."""

    def __init__(
        self, factory: EngineFactory, decks: int = 4, clips: services.Clips | None = None
    ) -> None:
        self.now_s = 0.0
        self.client = Listener()
        self.table = Table(decks)
        self.late: list[tuple[str, float]] = []
        self.notices: list[str] = []
        self.factory = factory
        self.state = State()
        self.feedback = Feedback(self.state)
        self.session = Session(RATE, decks, lambda address, ms: self.late.append((address, ms)))
        self.mirror = Mirror(self.session, self.state, self.feedback)
        self.keeper = EngineKeeper(self.start_engine, self.notices.append)
        self.keeper.start()
        outputs = OutputKeeper("null", RATE, BLOCK, self.notices.append)
        told = Told(lambda: ("rig", "", "", "", 0.0, ""), list, lambda: "")
        self.setup = SetUp(Config(), outputs, Models(lambda *_: None), told)
        reached = Services(
            clips or _NoClips(), _NoRecording(), _NoLearning(), self.setup, lambda: ("rig",),
            lambda: (), lambda: self.now_s,
        )  # fmt: skip
        self.controls = Controls(self.session, self.state, self.feedback, self.mirror, reached)
        self.output = NullOutput(RATE, BLOCK, lambda: self.now_s)
        self.conductor = Conductor(
            self.session, self.controls, self.mirror, self.keeper,
            outputs, self.output, self._tap, lambda: self.now_s,
        )  # fmt: skip
        self._parts: list[tuple[int, Audio]] = []
        self.conductor.turn()
        self.output.start()

    def start_engine(self) -> EngineHandle:
        return InlineEngine(self.factory)

    def _tap(self, at: int, audio: Audio) -> None:
        self._parts.append((at, audio.copy()))

    def close(self) -> None:
        self.setup.close()
        self.keeper.close()

    def send(self, address: str, *values: Value, at_s: float | None = None) -> None:
        self.bundle([(address, values)], at_s=at_s)

    def bundle(
        self, messages: Sequence[tuple[str, Sequence[Value]]], at_s: float | None = None
    ) -> None:
        requests = [r for address, values in messages for r in self.table.resolve(address, values)]
        assert self.conductor.submit(Batch(tuple(requests), self.client, at_s))

    def run(self, seconds: float) -> None:
        """Let so much time pass, block by block."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += BLOCK / RATE
            self.turn()

    def turn(self) -> None:
        batch = None if self.conductor._queue.empty() else self.conductor._queue.get()
        self.conductor.turn(batch)

    def audio(self) -> Audio:
        """The whole master so far; index 0 is the session's sample 0."""
        return self.deck(0)

    def deck(self, number: int) -> Audio:
        """The same of a deck, behind its fader; 0 is the master."""
        first = self._parts[0][0]
        columns = slice(2 * number, 2 * number + 2)
        return np.concatenate([part[:, columns] for _, part in self._parts])[-first:]


def folder() -> Path:
    return Path(tempfile.mkdtemp())
