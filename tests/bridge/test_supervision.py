"""An engine that dies is replaced; the decks loop their last bars in time meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from engine import fake
from engine.api import EngineHandle
from engine.errors import EngineUnavailable
from tests.bridge.rig import BLOCK, RATE, Rig


class MortalRig(Rig):
    """A rig whose engine can be killed, and comes back when it is let."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.allowed.set()
        self.starts = 0
        super().__init__(partial(fake.load, rate=RATE))

    def start_engine(self) -> EngineHandle:
        assert self.allowed.wait(20)
        self.starts += 1
        return super().start_engine()

    def kill(self) -> None:
        self.allowed.clear()
        self.keeper.handle().shutdown()

    def revive(self) -> None:
        """Let it start, and take turns until it has."""
        self.allowed.set()
        for _ in range(100_000):
            self.run(BLOCK / RATE)
            if self.keeper.poll() is not None:
                return
        pytest.fail("the engine did not come back")


@pytest.fixture
def rig() -> Iterator[MortalRig]:
    rig = MortalRig()
    yield rig
    rig.allowed.set()
    rig.close()


def loudness(rig: Rig) -> np.ndarray:
    audio = rig.audio()
    blocks = audio[: len(audio) // BLOCK * BLOCK].reshape(-1, BLOCK, 2)
    return np.asarray(np.sqrt((blocks**2).mean(axis=(1, 2))))


def test_a_deck_without_an_engine_loops_its_last_bar_in_time(rig: MortalRig) -> None:
    rig.send("/deck/1/play")
    rig.run(4.1)
    rig.kill()
    rig.run(9.0)
    assert rig.state.get("/deck/1/state") == ("looping",)
    audio = rig.audio()
    bar = 2 * RATE
    made = rig.session.transport.sample_at(0) + 6 * RATE  # it had been made two seconds ahead
    later = made + bar + 1000
    np.testing.assert_array_equal(
        audio[later : later + bar - 4000], audio[later + bar : later + 2 * bar - 4000]
    )
    playing = loudness(rig)[20:]
    assert playing.min() > 0.2 * np.median(playing)


def test_a_deck_with_less_than_a_beat_to_loop_rests_without_a_click(rig: MortalRig) -> None:
    rig.send("/tempo", 20.0)
    rig.send("/deck/1/play")
    rig.run(0.4)
    rig.kill()
    rig.run(4.0)
    peaks = np.abs(rig.audio()).max(axis=1)
    heard = np.flatnonzero(peaks)
    rests = np.flatnonzero(np.diff(heard) > RATE // 10)
    assert len(rests) == 1
    before, after = heard[rests[0]], heard[rests[0] + 1]
    assert peaks[before - 3 : before + 1].max() < 0.01
    assert peaks[after : after + 3].max() < 0.01
    assert after == pytest.approx(heard[0] + 3 * RATE, abs=RATE // 100)  # on the beat


def test_it_comes_back_with_the_same_music_and_no_gap(rig: MortalRig) -> None:
    rig.send("/deck/1/prompt", "a tone")
    rig.send("/deck/1/play")
    rig.run(1.0)
    rig.kill()
    rig.run(4.0)
    rig.revive()
    rig.run(1.0)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.starts == 2
    assert any("restarted" in notice for notice in rig.notices)
    playing = loudness(rig)[20:]
    assert playing.min() > 0.2 * np.median(playing)
    assert rig.output.xruns == 0


def test_a_launch_that_was_armed_survives_the_engine(rig: MortalRig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/2/prompt", "second")
    rig.send("/deck/2/play")
    rig.run(0.1)
    rig.kill()
    rig.run(0.2)
    rig.revive()
    rig.run(2.0)
    assert rig.state.get("/deck/2/state") == ("playing",)
    feed = rig.session.decks[2].feed
    assert feed is not None
    assert feed.origin == rig.session.transport.sample_at(4.0)


def test_a_deck_launched_without_an_engine_plays_once_there_is_one(rig: MortalRig) -> None:
    rig.kill()
    rig.run(0.2)
    rig.send("/deck/1/play")
    rig.run(2.0)
    rig.revive()
    rig.run(2.0)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.audio()[-BLOCK:].any()


def test_a_prompt_that_breaks_its_stream_leaves_the_others_alone(rig: MortalRig) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/2/play", ())])
    rig.run(3.0)
    rig.send("/deck/1/prompt", "!crash")
    rig.run(4.0)
    assert rig.state.get("/deck/1/state") == ("looping",)
    assert rig.state.get("/deck/2/state") == ("playing",)
    rig.send("/deck/1/prompt", "a tone again")
    rig.run(2.0)
    assert rig.state.get("/deck/1/state") == ("playing",)


@pytest.mark.parametrize("refusal", [EngineUnavailable("no memory"), MemoryError("no memory")])
def test_an_engine_that_will_not_start_is_tried_again(
    rig: MortalRig, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    refusals = iter([refusal, None])
    start = rig.start_engine

    def sometimes() -> EngineHandle:
        error = next(refusals)
        if error is not None:
            raise error
        return start()

    monkeypatch.setattr(rig.keeper, "_start_engine", sometimes)
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.kill()
    rig.run(0.1)
    rig.revive()
    assert any("no memory" in notice for notice in rig.notices)


def test_steering_a_dead_engine_that_is_not_missed_yet_harms_nothing(rig: MortalRig) -> None:
    rig.send("/slot/1/prompt", "on the bar")
    rig.send("/deck/1/play")
    rig.run(1.0)
    rig.kill()
    for turn in range(20):
        rig.bundle([("/deck/1/prompt", (f"prompt {turn}",)), ("/slot/1/launch", ())])
        rig.run(BLOCK / RATE)
    assert rig.client.answers("/error") == []
    assert rig.output.xruns == 0
    rig.revive()
    rig.run(1.0)
    assert rig.state.get("/deck/1/prompt") == ("on the bar",)
    assert rig.state.get("/deck/1/state") == ("playing",)


def test_an_engine_that_comes_up_after_the_end_is_ended(rig: MortalRig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.kill()
    rig.run(0.2)
    starting = rig.keeper._starting
    assert starting is not None
    rig.close()
    rig.allowed.set()
    handle = starting.result(20)
    for _ in range(1000):
        if not handle.alive():
            return
        time.sleep(0.01)
    pytest.fail("the engine was left behind")
