"""An engine like a model: mono, frames of 20 ms, no time of its own, hardly faster than the ear."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from engine import fake
from engine.api import Audio
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.bridge.slow import SlowRig
from tests.bridge.test_launching import onset
from tests.bridge.test_words import steerings

HOP = RATE // 50
MODEL = partial(fake.load, rate=RATE, channels=1, hop=HOP)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(MODEL)
    yield rig
    rig.close()


def loudness(audio: Audio) -> np.ndarray:
    blocks = audio[: len(audio) // BLOCK * BLOCK].reshape(-1, BLOCK, 2)
    return np.asarray(np.sqrt((blocks**2).mean(axis=(1, 2))))


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_number_of_channels_is_heard_on_both_ears_without_a_click(channels: int) -> None:
    rig = Rig(partial(fake.load, rate=RATE, channels=channels))
    rig.send("/deck/1/play")
    rig.run(0.4)
    steady = np.abs(np.diff(rig.audio()[-RATE // 4 :], axis=0)).max()
    rig.send("/deck/1/prompt", "another tone")
    rig.run(0.2)
    rig.send("/deck/1/stop", "none")
    rig.run(0.1)
    rig.send("/deck/1/play", "none")
    rig.run(0.2)
    left, right = rig.audio().T
    assert np.abs(np.diff(rig.audio(), axis=0)).max() <= 2 * steady
    assert right.any()
    if channels == 1:
        np.testing.assert_array_equal(left, right)
    rig.close()


def test_a_mono_deck_loops_when_its_engine_is_gone(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(3.0)
    feed = rig.session.decks[1].feed
    assert feed is not None
    rig.session.stream_lost(feed.stream)
    rig.session.launcher.engine = None
    rig.run(0.01)
    assert rig.state.get("/deck/1/state") == ("playing",)
    rig.run(3.0)
    assert loudness(rig.audio())[50:].min() > 0


@pytest.mark.parametrize("at_s", [0.1234, 0.4567])
def test_a_start_falls_on_its_sample_and_begins_with_frame_0(rig: Rig, at_s: float) -> None:
    rig.send("/play")
    rig.run(0.3)
    due_s = rig.now_s + at_s
    rig.send("/deck/1/play", "none", at_s=due_s)
    rig.run(1.0)
    taken, taken_s = rig.output.taken()
    latency = rig.conductor.playout.limiter_samples
    began = onset(rig.audio())
    assert began + latency == round(taken + (due_s - taken_s) * RATE)
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.origin == began


def test_decks_of_one_bundle_begin_together_on_the_bar(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.send("/deck/1/mute", 1)
    rig.run(0.7)
    rig.bundle([("/deck/2/play", ()), ("/deck/3/play", ())])
    rig.run(2.0)
    bar = rig.session.transport.sample_at(4.0)
    for number in (2, 3):
        feed = rig.session.decks[number].feed
        assert feed is not None
        assert feed.origin == bar
    assert onset(rig.audio()) == bar
    assert rig.late == []


def test_a_slot_turns_the_frame_that_holds_the_bar_line(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "other tone")
    rig.send("/tempo", 123.0)
    rig.send("/grid", "none")
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/grid", "bar")
    rig.send("/slot/1/launch")
    rig.run(2.0)
    feed, engine = rig.session.decks[1].feed, rig.keeper.handle()
    assert feed is not None
    assert feed.origin is not None
    stream = engine._runner._tracks[feed.stream].stream  # type: ignore[attr-defined]
    frame = stream._changes[-1].frame
    line = rig.session.transport.sample_at(4.0) - feed.origin
    assert stream._changes[-1].steering.prompts[0].text == "other tone"
    assert frame * HOP <= line < (frame + 1) * HOP


def test_a_prompt_is_heard_within_a_frame_and_what_is_safe(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(1.0)
    sent = rig.session.now
    rig.send("/deck/1/prompt", "another")
    rig.turn()
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.settled
    assert rig.session.now - sent <= 2 * BLOCK


def test_every_setting_reaches_an_engine_without_time(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/1/morph", 2.0)
    for name, value in (("temperature", 1.5), ("top_k", 7), ("guidance", 5.0), ("seed", 9)):
        rig.send(f"/deck/1/{name}", value)
    rig.send("/deck/1/prompt", "house", 1.0, "jazz", 3.0)
    rig.run(0.5)
    told = steerings(rig, 1)[-1]
    assert (told.temperature, told.top_k, told.guidance, told.seed) == (1.5, 7, 5.0, 9)
    assert [(p.text, p.weight) for p in told.prompts] == [("house", 1.0), ("jazz", 3.0)]
    assert told.morph_frames == 50  # two beats of half a second
    before = rig.session.decks[1].feed
    rig.send("/deck/1/reset")
    rig.run(2.5)
    after = rig.session.decks[1].feed
    assert after is not None
    assert after is not before
    assert (after.origin or 0) == rig.session.transport.sample_at(4.0)


def test_an_engine_at_its_limit_turns_without_a_gap() -> None:
    rig = SlowRig(MODEL, pace=1.3)
    rig.send("/deck/1/play")
    rig.run(8.0)
    assert rig.session.headroom_s() > 1.0
    states = []
    for turn in range(4):
        rig.send("/deck/1/prompt", f"tone {turn}")
        for _ in range(300):
            rig.run(0.01)
            states.append(rig.state.get("/deck/1/state"))
        feed = rig.session.decks[1].feed
        assert feed is not None
        assert feed.settled
    assert set(states) == {("playing",)}
    assert loudness(rig.audio()[RATE:]).min() > 0
    rig.close()


def test_a_knob_that_never_rests_is_heard_from_an_engine_at_its_limit() -> None:
    rig = SlowRig(MODEL, pace=1.5)
    rig.send("/deck/1/play")
    rig.run(6.0)
    heard = set()
    for turn in range(600):
        rig.send("/deck/1/guidance", 1.0 + turn / 100)
        rig.run(BLOCK / RATE)
        feed = rig.session.decks[1].feed
        assert feed is not None
        heard.add(feed._obeyed_epoch if feed.settled else 0)
    assert len(heard) > 5
    assert rig.state.get("/deck/1/state") == ("playing",)
    rig.close()


def test_the_old_music_plays_on_when_the_new_does_not_come() -> None:
    rig = SlowRig(MODEL, pace=1.5)
    rig.send("/deck/1/play")
    rig.run(6.0)
    rig.set_pace(0.0)
    rig.send("/deck/1/prompt", "another")
    rig.run(1.0)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.session.decks[1].feed is not None
    rig.close()


def test_a_stream_that_has_fallen_behind_begins_again_on_a_bar_line() -> None:
    rig = SlowRig(MODEL, pace=1.5)
    rig.send("/deck/1/play")
    rig.run(6.0)
    before = rig.session.decks[1].feed
    rig.set_pace(0.0)
    rig.run(5.0)  # what was ahead is over, and more than a bar of looping since
    assert rig.state.get("/deck/1/state") == ("looping",)
    rig.set_pace(1.5)
    rig.run(5.0)
    after = rig.session.decks[1].feed
    assert after is not None
    assert after is not before
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert after.origin is not None
    assert rig.session.transport.beat_at(after.origin) % 4 == pytest.approx(0, abs=1e-3)
    assert loudness(rig.audio()[RATE:]).min() > 0
    assert rig.late == []
    rig.close()


def test_an_engine_slower_than_the_ear_alternates_with_loops_in_time() -> None:
    rig = SlowRig(MODEL, pace=0.7)
    rig.send("/deck/1/play")
    states = []
    for _ in range(600):
        rig.run(0.05)
        states.append(rig.state.get("/deck/1/state"))
    assert ("playing",) in states[300:]
    assert ("looping",) in states[300:]
    feed = rig.session.decks[1].feed or rig.session.decks[1].coming
    assert feed is not None
    assert feed.origin is not None
    assert rig.session.transport.beat_at(feed.origin) % 4 == pytest.approx(0, abs=1e-3)
    assert rig.output.xruns == 0
    rig.close()
