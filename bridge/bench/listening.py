"""A server in this process whose output is listened to, to tell when a change leaves the device.

Threading: `Ear` is armed and waited for on the measuring thread; `hear` is the conductor's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.app import App, Tap
from bridge.audio.mixing import db_to_gain
from bridge.audio.sends.target import Target
from bridge.audio.thread import go_before_others
from bridge.bench.figures import CannotMeasure
from bridge.config import Config
from bridge.dispatch import Batch
from bridge.engines import EngineChoice
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s
from engine.api import Audio

RATE = 48000
BLOCK = 256
_EXPECTED_S = 1.0
_PATIENCE_S = 3.0


class Listened(App):
    """An `App` that remembers when it was handed the last message."""

    received_s = 0.0

    def _submit(self, batch: Batch) -> bool:
        self.received_s = monotonic_s()
        return super()._submit(batch)


@contextmanager
def listened_server(sends: tuple[Target, ...] = (), taps: Sequence[Tap] = ()) -> Iterator[Listened]:
    """Runs with the null output, which tells to the sample when it takes what."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            engine=EngineChoice("groove"), osc_port=0, tcp_port=0, output="null", rate=RATE,
            block=BLOCK, clips=Path(folder), midi=False, sends=sends,
        )  # fmt: skip
        app = Listened(config, notify=lambda line: None)
        app.taps += taps
        with _before_others():
            app.start()
        try:
            yield app
        finally:
            app.stop()


@contextmanager
def _before_others() -> Iterator[None]:
    """What is started within runs before others, as with `sideman serve`; what comes later, not."""
    if sys.platform == "win32":
        yield
        return
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    go_before_others()
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)


@contextmanager
def asking(app: App) -> Iterator[Sender]:
    """A client in this process, for what is not timed."""
    with Sender("127.0.0.1", app.osc.udp_port) as sender:
        yield sender


def settle(sender: Sender, headroom_s: float = 0.0) -> None:
    """Wait until everything that was asked is done, and so much is made ahead."""
    sender.ask("/sync", 1, answer="/synced")
    until_s = monotonic_s() + _PATIENCE_S
    while float(sender.ask("/status")[6] or 0.0) < headroom_s:
        if monotonic_s() > until_s:
            raise CannotMeasure(f"the engine does not get {headroom_s:g} s ahead; free the machine")
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Heard:
    """When what was heard first differed from what would have been played, and fell silent."""

    changed_s: float
    silent_s: float
    """`monotonic_s()` at which the device takes the block with that sample."""


class Ear:
    """Compares the master with what the decks held before a message.

    Exact as long as the limiter has nothing to do and nothing but the message changes the sound.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._wanted = False
        self._armed = threading.Event()
        self._done = threading.Event()
        self._expected: Audio | None = None
        self._from = 0
        self._until_silent = False
        self._changed_s = 0.0
        self._silent_s = 0.0
        app.taps.append(self.hear)

    def arm(self, *, until_silent: bool = False) -> None:
        """Take down what is to be played if nothing happens; waits for the next block."""
        self._done.clear()
        self._armed.clear()
        self._changed_s = self._silent_s = 0.0
        self._until_silent = until_silent
        self._wanted = True
        if not self._armed.wait(_PATIENCE_S):
            raise CannotMeasure("the server has stopped mixing")

    def wait(self) -> Heard | None:
        """What was heard since `arm`; None if nothing changed in time."""
        if not self._done.wait(_PATIENCE_S):
            self._expected = None
            return None
        return Heard(self._changed_s, self._silent_s)

    # On the conductor's thread

    def hear(self, at: int, audio: Audio) -> None:
        """A tap of `App`."""
        if self._wanted:
            self._wanted = False
            self._from = at + len(audio)
            self._expected = self._future()
            self._armed.set()
        elif self._expected is not None:
            self._compare(at, audio, self._expected)

    def _future(self) -> Audio:
        """The decks' sum from `_from` on, float32 `[samples, 2]`, in the mixer's own order."""
        total = np.zeros((round(_EXPECTED_S * RATE), 2), np.float32)
        for deck in self._app.session.decks.values():
            if deck.sounding:
                gain = np.float32(db_to_gain(deck.settings.gain_db))
                total += gain * deck.track.read(self._from, len(total))
        return total

    def _compare(self, at: int, audio: Audio, expected: Audio) -> None:
        if not self._changed_s:
            planned = expected[at - self._from : at - self._from + len(audio)]
            if len(planned) < len(audio):
                self._expected = None  # nothing came: `wait` says so
                return
            differs = np.flatnonzero((audio != planned).any(axis=1))
            if not len(differs):
                return
            self._changed_s = self._leaves_s(at + int(differs[0]), at + len(audio))
        if self._until_silent:
            sounds = np.flatnonzero(audio.any(axis=1))
            silent_from = int(sounds[-1]) + 1 if len(sounds) else 0
            if silent_from == len(audio):
                return
            self._silent_s = self._leaves_s(at + silent_from, at + len(audio))
        self._expected = None
        self._done.set()

    def _leaves_s(self, sample: int, mixed: int) -> float:
        """When the device takes the block with this sample of the session.

        `mixed`: where the newest block ends, in the same count as `sample`; the output has not
        been given that block yet.
        """
        output = self._app.conductor.output
        latency_samples = self._app.session.now - mixed
        taken, taken_s = output.taken()
        blocks = (sample + latency_samples) // BLOCK - taken // BLOCK + 1
        return taken_s + blocks * BLOCK / RATE
