"""Tempo and position change while launches wait, and launches follow each other on one deck."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from engine import fake
from engine.api import Steering
from engine.fake import FakeStream
from engine.host.inline import InlineEngine
from tests.bridge.rig import BLOCK, RATE, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def newest_steering(rig: Rig, deck: int) -> Steering:
    """What the engine was last made to do for a deck."""
    feed, engine = rig.session.decks[deck].feed, rig.session.launcher.engine
    assert feed is not None
    assert isinstance(engine, InlineEngine)
    stream = engine._runner._tracks[feed.stream].stream
    assert isinstance(stream, FakeStream)
    return stream._changes[-1].steering


def newest_bpm(rig: Rig, deck: int) -> float:
    timing = newest_steering(rig, deck).timing
    assert timing is not None
    return timing.bpm


def test_a_tempo_knob_that_never_rests_holds_up_no_launch(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/2/play")
    for turn in range(500):
        rig.send("/tempo", 120.0 + turn % 50 / 10)
        rig.run(BLOCK / RATE)
    assert rig.state.get("/deck/2/state") == ("playing",)
    assert rig.late == []


def test_a_tempo_change_just_before_the_line_leaves_the_line(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/2/play")
    line = rig.session.transport.sample_at(4.0)
    while rig.session.now < line - 500:
        rig.run(BLOCK / RATE)
    rig.send("/tempo", 125.0)
    rig.run(0.5)
    feed = rig.session.decks[2].feed
    assert feed is not None
    assert feed.origin == line
    assert newest_bpm(rig, 2) == 125.0


def test_a_deck_that_starts_before_a_planned_tempo_change_follows_it(rig: Rig) -> None:
    rig.send("/play")
    rig.run(0.5)
    rig.send("/tempo", 150.0, at_s=rig.now_s + 0.15)
    rig.run(0.02)
    rig.send("/deck/1/play", "none")
    rig.run(1.0)
    assert newest_bpm(rig, 1) == 150.0


@pytest.mark.parametrize("address", ["/slot/1/launch", "/deck/1/prompt"])
def test_a_change_before_a_planned_tempo_change_does_not_undo_it(rig: Rig, address: str) -> None:
    rig.send("/slot/1/prompt", "slot")
    rig.send("/grid", "none")
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/tempo", 150.0, at_s=rig.now_s + 0.15)
    rig.run(0.02)
    rig.send(address, *(["slot"] if "prompt" in address else []))
    rig.run(1.0)
    assert newest_bpm(rig, 1) == 150.0
    assert newest_steering(rig, 1).prompts[0].text == "slot"


def test_a_jump_before_a_planned_tempo_change_does_not_undo_it(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/tempo", 150.0, at_s=rig.now_s + 0.15)
    rig.run(0.02)
    rig.send("/position", 0.0)
    rig.run(1.0)
    assert rig.session.transport.map.at(rig.session.now).bpm == 150.0
    assert newest_bpm(rig, 1) == 150.0


def test_a_slot_before_an_armed_scene_leaves_the_rest_of_the_scene(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "slot")
    rig.send("/deck/1/temperature", 1.5)
    rig.send("/deck/1/play")
    rig.run(0.1)
    rig.send("/scene/1/store")
    rig.send("/deck/1/temperature", 0.5)
    rig.send("/grid", "4bars")
    rig.send("/scene/1/launch")
    rig.send("/grid", "bar")
    rig.send("/slot/1/launch")
    rig.run(9.0)
    heard = newest_steering(rig, 1)
    assert (heard.prompts[0].text, heard.temperature) == ("slot", 1.5)


def test_a_setting_that_falls_on_a_start_reaches_the_engine(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(rig, monkeypatch, 0.02)  # so that the deck starts when the setting is due, too
    rig.send("/deck/1/seed", 7, at_s=rig.now_s + 0.05)
    rig.run(0.02)
    rig.send("/deck/1/play")
    rig.run(1.0)
    assert rig.state.get("/deck/1/seed") == (7,)
    assert newest_steering(rig, 1).seed == 7


def test_a_reset_of_a_paused_deck_does_not_keep_it_from_going_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/2/play", ()), ("/grid", ("none",))])
    rig.run(0.5)
    slow_down(rig, monkeypatch, 0.01)
    rig.bundle([("/stop", ()), ("/play", ()), ("/deck/2/reset", ())])
    rig.run(1.0)
    assert rig.session.decks[1].sounding
    assert rig.session.decks[2].sounding


def test_a_reset_that_a_later_word_takes_back_leaves_no_stream_behind(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/grid", "4bars")
    rig.send("/deck/1/reset")
    rig.send("/deck/1/play", "bar")
    rig.run(0.1)
    assert rig.session.decks[1].coming is None


def test_a_scene_brings_a_silent_deck_its_gain_from_the_outset(rig: Rig) -> None:
    rig.send("/deck/1/gain", -60.0)
    rig.send("/deck/1/play")
    rig.run(0.1)
    rig.send("/scene/1/store")
    rig.send("/deck/1/stop", "none")
    rig.run(0.1)
    rig.send("/deck/1/gain", 0.0)
    rig.send("/scene/1/launch")
    rig.run(2.5)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert not np.any(rig.audio())


def test_a_deck_with_another_stream_hears_of_what_was_armed(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "slot")
    rig.send("/deck/1/play")
    rig.run(0.1)
    rig.send("/slot/1/launch")
    rig.run(0.1)
    feed = rig.session.decks[1].feed
    assert feed is not None
    rig.session.stream_lost(feed.stream)
    rig.run(2.5)
    assert newest_steering(rig, 1).prompts[0].text == "slot"


def slow_down(rig: Rig, monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    """Give the engine only one step in `step_s`."""
    engine = rig.keeper.handle()
    assert isinstance(engine, InlineEngine)
    step, stepped_s = engine._runner.step, [0.0]

    def slow() -> bool:
        if rig.now_s - stepped_s[0] < step_s:
            return False
        stepped_s[0] = rig.now_s
        return step()

    monkeypatch.setattr(engine._runner, "step", slow)


@pytest.mark.parametrize("address", ["/tempo", "/deck/1/guidance"])
def test_a_knob_does_not_keep_a_slow_engine_from_starting_a_deck(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    slow_down(rig, monkeypatch, 0.012)
    low = 100.0 if address == "/tempo" else 1.0
    rig.send("/deck/1/play")
    for turn in range(40):
        rig.send(address, low + turn / 10)
        rig.run(BLOCK / RATE)
    assert rig.state.get("/deck/1/state") == ("playing",)


def test_sync_waits_for_a_deck_that_was_started(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_down(rig, monkeypatch, 0.1)
    rig.send("/deck/1/play", "none")
    rig.send("/sync", 1)
    rig.run(0.05)
    assert rig.client.answers("/synced") == []
    rig.run(0.5)
    assert rig.client.answers("/synced") == [(1,)]
    assert rig.session.decks[1].sounding
