"""What time-tagged bundles hold comes about in their order, however early it was prepared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bridge import agenda
from bridge.dispatch import Batch
from engine import fake
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.bridge.test_retiming import newest_steering


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def test_panic_and_then_a_deck(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.bundle([("/panic", ()), ("/deck/2/play", ("none",))], at_s=rig.now_s + 0.3)
    rig.run(1.0)
    assert rig.state.get("/deck/1/state") == ("stopped",)
    assert rig.state.get("/deck/2/state") == ("playing",)


def test_back_to_the_start(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(1.5)
    rig.bundle([("/stop", ()), ("/position", (0.0,)), ("/play", ())], at_s=rig.now_s + 0.3)
    rig.run(1.0)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.session.transport.beat_at(rig.session.now) == pytest.approx(1.4, abs=0.1)


def test_a_slot_that_is_stored_and_launched(rig: Rig) -> None:
    rig.send("/grid", "none")
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.bundle([("/slot/1/prompt", ("new",)), ("/slot/1/launch", ())], at_s=rig.now_s + 0.3)
    rig.run(1.0)
    assert rig.client.answers("/error") == []
    assert rig.state.get("/deck/1/prompt") == ("new",)


def test_a_morph_and_the_prompt_that_it_is_for(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    at_s = rig.now_s + 0.3
    rig.bundle([("/deck/1/morph", (4.0,)), ("/deck/1/prompt", ("new",))], at_s=at_s)
    rig.run(1.0)
    steering = newest_steering(rig, 1)
    assert (steering.prompts[0].text, steering.morph_frames) == ("new", 2 * RATE)


def test_a_stop_and_a_start_soon_after(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/stop", at_s=rig.now_s + 0.3)
    rig.send("/play", at_s=rig.now_s + 0.4)
    rig.run(1.0)
    assert rig.state.get("/deck/1/state") == ("playing",)


def test_a_start_and_a_deck_soon_after(rig: Rig) -> None:
    rig.send("/play", at_s=0.3)
    rig.send("/deck/1/play", "none", at_s=0.4)
    rig.run(1.0)
    feed, started = rig.session.decks[1].feed, rig.session.transport.sample_at(0.0)
    assert feed is not None
    assert feed.origin is not None
    assert feed.origin - started == pytest.approx(0.1 * RATE, abs=2)
    assert rig.late == []


def test_a_gap_in_the_sound_does_not_make_later_bundles_late(rig: Rig) -> None:
    rig.send("/deck/1/play", "none", at_s=1.0)
    rig.run(0.3)
    rig.now_s += 0.2  # nothing was rendered for so long
    rig.run(1.0)
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.origin is not None
    taken, taken_s = rig.output.taken()
    heard_s = taken_s + (feed.origin + rig.conductor.playout.limiter_samples - taken) / RATE
    assert rig.output.xruns == 1
    assert heard_s == pytest.approx(1.0, abs=2 / RATE)


def test_sync_does_not_wait_for_the_bundles_of_others(rig: Rig) -> None:
    other = type(rig.client)("other")
    requests = tuple(rig.table.resolve("/deck/1/gain", (-3.0,)))
    assert rig.conductor.submit(Batch(requests, other, rig.now_s + 3000.0))
    rig.send("/sync", 1)
    rig.run(BLOCK / RATE)
    assert rig.client.answers("/synced") == [(1,)]


def test_plans_for_later_are_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agenda, "LIMIT", 10)
    for _ in range(10):
        rig.send("/deck/1/gain", -3.0, at_s=rig.now_s + 3000.0)
        rig.turn()
    requests = tuple(rig.table.resolve("/deck/1/gain", (-3.0,)))
    assert not rig.conductor.submit(Batch(requests, rig.client, rig.now_s + 3000.0))
    assert rig.conductor.submit(Batch(requests, rig.client, None))


def test_syncs_that_wait_are_bounded(rig: Rig) -> None:
    rig.send("/deck/1/gain", -3.0, at_s=rig.now_s + 3000.0)
    rig.bundle([("/sync", (number,)) for number in range(1025)])
    rig.run(0.1)
    assert [args[0] for args in rig.client.answers("/error")] == ["/sync"]
