"""The conductor's outputs: one that fails is done without, and the last block is silence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from bridge import output_keeper
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError, Output
from bridge.time.clock import monotonic_s
from engine import fake
from engine.api import Audio
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.bridge.test_retiming import slow_down


class Fickle(NullOutput):
    """A device that opens, but does not start."""

    def start(self) -> None:
        raise DeviceError("another program was quicker")


class Heard(NullOutput):
    """Keeps what a device would have played."""

    def __init__(self) -> None:
        super().__init__(RATE, BLOCK)
        self.audio: list[Audio] = []
        self.played = 0

    def write(self, audio: Audio) -> None:
        super().write(audio)
        self.audio.append(audio)

    def stop(self) -> None:
        self.played, _ = self.taken()
        super().stop()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(output_keeper, "RETRY_S", 0.0)
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def replace_with(rig: Rig, monkeypatch: pytest.MonkeyPatch, found: list[Output]) -> None:
    """Have the output fail, and these found in turn instead; NullOutput runs on the rig's clock."""

    def null(rate: int, block: int) -> Output:
        return NullOutput(rate, block, lambda: rig.now_s)

    def find(*_: object) -> Output:
        if not found:
            raise DeviceError("gone")
        return found.pop(0)

    monkeypatch.setattr(output_keeper, "NullOutput", null)
    monkeypatch.setattr(output_keeper, "open_output", find)
    monkeypatch.setattr(rig.output, "failed", "unplugged", raising=False)


def test_a_device_that_comes_back_but_does_not_start(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = NullOutput(RATE, BLOCK, lambda: rig.now_s)
    good.name = "back"
    rig.send("/deck/1/play")
    rig.run(0.5)
    replace_with(rig, monkeypatch, [Fickle(RATE, BLOCK, lambda: rig.now_s), good])
    for _ in range(200):
        rig.run(BLOCK / RATE)
        time.sleep(0.001)
    assert rig.conductor.output is good
    assert any("quicker" in notice for notice in rig.notices)
    assert rig.audio()[-BLOCK:].any()


def test_the_end_is_faded_out_and_played(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.conductor.playout.output = heard = Heard()
    rig.conductor._monotonic = monotonic_s
    rig.conductor.start()
    time.sleep(0.1)
    rig.conductor.stop()
    audio = np.concatenate(heard.audio)
    assert np.abs(audio[: len(audio) // 2]).max() > 0.05
    assert not audio[-BLOCK // 4 :].any()
    assert heard.played == len(audio)


def test_a_conductor_that_cannot_begin_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(rig.conductor.output, "start", broken)
    with pytest.raises(MemoryError):
        rig.conductor.start()


def test_a_large_block_is_there_before_a_deck_starts(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine makes a chunk in 6 ms; decks start at any time within a block."""
    block = 4096
    rig.conductor._replace_output(NullOutput(RATE, block, lambda: rig.now_s))
    slow_down(rig, monkeypatch, 0.006)
    rig.send("/play")
    for turn in range(20):
        began = rig.session.now
        rig.send("/deck/1/play", "none")
        for _ in range(300 + 2 * turn):
            rig.now_s += 0.001
            rig.turn()
        heard = np.abs(rig.audio()[began:]).max(axis=1)
        assert heard[np.flatnonzero(heard)[0] :].min() > 0, turn
        rig.send("/deck/1/stop", "none")
        rig.run(0.3)


class Choosy(NullOutput):
    """A device with a block of its own, as JACK's, that begins once it holds two of them."""

    chosen = 0

    def __init__(self, rig: Rig, own_block: int) -> None:
        super().__init__(RATE, BLOCK, lambda: rig.now_s)
        self._own_block = own_block

    def start(self) -> None:
        self.block = self.chosen = self._own_block

    def _advance(self) -> None:
        if self.chosen and self._start_s is None and self._written >= 2 * self.block:
            super().start()
        super()._advance()


@pytest.mark.parametrize("own_block", [64, 512, 1000, 1024, 4096])
def test_a_device_may_choose_its_block_when_it_starts(rig: Rig, own_block: int) -> None:
    rig.conductor._replace_output(Choosy(rig, own_block))
    rig.send("/deck/1/play")
    rig.run(2.0)
    assert rig.conductor.output.taken()[0] > RATE
    assert rig.conductor.playout.xruns == 0
