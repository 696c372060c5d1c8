"""Launches land on their sample, together, whatever else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from engine import fake
from engine.api import Audio
from tests.bridge.rig import BLOCK, RATE, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def onset(audio: Audio, after: int = 0) -> int:
    """The first sample from `after` on that is not silent."""
    return after + int(np.flatnonzero(np.abs(audio[after:]).max(axis=1))[0])


def alone(rig: Rig, deck: int) -> None:
    """Hear one deck only, from now on."""
    for number in rig.session.decks:
        rig.send(f"/deck/{number}/mute", int(number != deck))


def test_play_starts_the_transport_and_the_deck_at_beat_0(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    start = onset(rig.audio())
    assert rig.session.transport.beat_at(start) == 0.0
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.state.get("/play") == (1,)


def test_a_second_deck_waits_for_the_bar_and_begins_on_its_sample(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.send("/deck/1/mute", 1)
    rig.run(0.7)
    rig.send("/deck/2/play")
    rig.run(0.1)
    assert rig.state.get("/deck/2/state") == ("armed",)
    rig.run(1.6)
    assert rig.session.transport.beat_at(onset(rig.audio())) == pytest.approx(4.0, abs=1e-9)
    assert rig.late == []


def test_decks_of_one_bundle_begin_on_the_same_sample(rig: Rig) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/2/play", ()), ("/deck/3/play", ("none",))])
    rig.run(0.3)
    origins = {d.feed.origin for d in rig.session.decks.values() if d.feed is not None}
    assert len(origins) == 1
    assert sum(d.sounding for d in rig.session.decks.values()) == 3


def test_a_time_tag_is_met_to_the_sample(rig: Rig) -> None:
    rig.send("/play")
    rig.run(0.2)
    at_s = rig.now_s + 0.3
    rig.send("/deck/1/play", "none", at_s=at_s)
    rig.send("/deck/2/gain", -12.0, at_s=at_s)
    rig.run(0.6)
    began = onset(rig.audio())
    taken, taken_s = rig.output.taken()
    latency = rig.conductor.playout.limiter_samples
    assert began + latency == round(taken + (at_s - taken_s) * RATE)
    assert rig.state.get("/deck/2/gain") == (-12.0,)


def test_time_tags_half_a_second_apart_are_so_to_the_sample(rig: Rig) -> None:
    rig.send("/play")
    rig.run(0.1)
    for number, at_s in ((1, 0.5), (2, 1.0)):
        rig.send(f"/deck/{number}/play", "none", at_s=at_s)
    rig.run(1.5)
    first, second = (rig.session.decks[n].feed for n in (1, 2))
    assert first is not None
    assert second is not None
    assert second.origin is not None
    assert first.origin is not None
    assert second.origin - first.origin == RATE // 2


def test_a_late_bundle_applies_at_once_and_is_reported(rig: Rig) -> None:
    rig.run(1.0)
    rig.send("/deck/1/gain", -6.0, at_s=0.5)
    rig.run(0.1)
    assert rig.state.get("/deck/1/gain") == (-6.0,)
    ((address, late_ms),) = rig.client.answers("/late")
    assert address == "#bundle"
    assert isinstance(late_ms, float)
    assert 500 < late_ms < 600


def test_a_tempo_change_moves_the_line_that_a_launch_waits_for(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.send("/deck/1/mute", 1)
    rig.run(0.5)
    rig.send("/deck/2/play")
    rig.run(0.2)
    rig.send("/tempo", 200.0)
    rig.run(1.5)
    assert rig.session.transport.beat_at(onset(rig.audio())) == pytest.approx(4.0, abs=1e-4)


def test_the_last_pad_before_the_bar_wins(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "one")
    rig.send("/slot/2/prompt", "two")
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/slot/1/launch")
    rig.run(0.1)
    rig.send("/slot/2/launch")
    rig.run(2.0)
    assert rig.state.get("/deck/1/prompt") == ("two",)
    assert not rig.session.launcher.waiting


def test_a_slot_changes_the_prompt_exactly_on_the_bar(rig: Rig) -> None:
    other = Rig(partial(fake.load, rate=RATE))
    for each in (rig, other):
        each.send("/slot/1/prompt", "other tone")
        each.send("/deck/1/play")
        each.run(0.5)
    rig.send("/slot/1/launch")
    for each in (rig, other):
        each.run(2.0)
    differs = onset(rig.audio() - other.audio())
    assert (
        rig.session.transport.sample_at(4.0) <= differs < rig.session.transport.sample_at(4.0) + 3
    )
    other.close()


def test_a_prompt_is_heard_at_once_however_far_ahead_the_engine_is(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(1.0)
    assert rig.session.headroom_s() > 1.5
    sent = rig.session.now
    rig.send("/deck/1/prompt", "another")
    rig.turn()
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.settled
    assert rig.session.now - sent <= 2 * BLOCK


def test_stop_and_scene(rig: Rig) -> None:
    rig.send("/deck/1/prompt", "verse")
    rig.send("/deck/2/gain", -20.0)
    rig.send("/deck/1/play")
    rig.run(0.1)
    rig.send("/scene/3/store")
    rig.send("/deck/1/stop", "none")
    rig.send("/deck/1/prompt", "chorus")
    rig.send("/deck/2/gain", 0.0)
    rig.run(0.1)
    assert rig.state.get("/deck/1/state") == ("stopped",)
    rig.send("/scene/3/launch")
    rig.run(2.5)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.state.get("/deck/1/prompt") == ("verse",)
    assert rig.state.get("/deck/2/gain") == (-20.0,)


def test_an_empty_slot_or_scene_is_an_error(rig: Rig) -> None:
    rig.send("/slot/9/launch")
    rig.send("/scene/9/launch")
    rig.run(0.01)
    assert [args[0] for args in rig.client.answers("/error")] == [
        "/slot/9/launch",
        "/scene/9/launch",
    ]


def test_panic_is_silent_within_20_ms_and_keeps_the_time(rig: Rig) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/2/play", ())])
    rig.run(0.5)
    sent = rig.session.now
    rig.send("/panic")
    rig.run(0.5)
    assert not rig.audio()[sent + round(0.004 * RATE) :].any()
    assert rig.session.transport.playing


def test_stopping_the_transport_pauses_the_decks(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(1.0)
    rig.send("/stop")
    rig.run(0.5)
    assert not rig.audio()[-BLOCK:].any()
    rig.send("/continue")
    rig.run(0.3)
    assert rig.audio()[-BLOCK:].any()
    assert rig.session.transport.beat_at(rig.session.now) == pytest.approx(2.6, abs=0.1)


def test_sync_waits_for_a_timed_bundle_of_the_same_sender(rig: Rig) -> None:
    rig.send("/deck/1/gain", -3.0, at_s=rig.now_s + 0.5)
    rig.send("/sync", 1)
    rig.run(0.3)
    assert rig.client.answers("/synced") == []
    rig.run(0.3)
    assert rig.client.answers("/synced") == [(1,)]


def test_starts_and_stops_have_no_click(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.4)
    steady = np.abs(np.diff(rig.audio()[-RATE // 4 :], axis=0)).max()
    rig.send("/deck/1/stop", "none")
    rig.run(0.1)
    rig.send("/deck/1/play", "none")
    rig.run(0.1)
    rig.send("/deck/1/prompt", "another tone")
    rig.run(0.1)
    assert np.abs(np.diff(rig.audio(), axis=0)).max() <= 2 * steady


def test_a_knob_that_never_rests_is_heard_and_starves_nothing(rig: Rig) -> None:
    rig.send("/deck/1/warp", 0)  # in one thread, stretching at every turn takes long
    rig.send("/deck/1/play")
    rig.run(1.0)
    heard: list[int] = []
    for turn in range(200):
        rig.send("/deck/1/prompt", f"prompt {turn}")
        rig.send("/tempo", 100.0 + turn / 10)
        rig.run(BLOCK / RATE)
        feed = rig.session.decks[1].feed
        assert feed is not None
        heard.append(feed._obeyed_epoch)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.session.headroom_s() > 0.1
    assert len(set(heard)) > 33
    assert rig.session.transport.bpm == pytest.approx(119.9)


def test_after_a_gap_the_mix_keeps_further_ahead(rig: Rig) -> None:
    rig.send("/play")
    rig.run(0.1)
    lead = rig.conductor.playout.lead
    rig.now_s += 0.1  # the machine was busy elsewhere
    rig.run(0.1)
    assert rig.conductor.playout.xruns == 1
    assert rig.conductor.playout.lead == lead + BLOCK
    assert rig.output.buffered() > lead - BLOCK


def test_each_deck_comes_on_its_own_beside_the_master_to_the_sample(rig: Rig) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/3/play", ()), ("/deck/3/gain", (-6.0,))])
    rig.bundle([("/deck/1/gain", (-12.0,))])
    rig.run(0.4)
    rig.send("/deck/3/mute", 1)
    rig.run(0.4)
    decks = [rig.deck(number) for number in range(1, 5)]
    assert [bool(np.any(deck)) for deck in decks] == [True, False, True, False]
    assert not np.any(decks[2][-round(0.2 * RATE) :])
    np.testing.assert_allclose(sum(decks), rig.audio(), rtol=0, atol=1e-6)
