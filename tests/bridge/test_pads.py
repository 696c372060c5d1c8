"""What pads show: where slots play and which scenes are stored, against a whole bridge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.pads import Pads, state_on
from bridge.row import Value
from bridge.session import Session
from engine import fake
from tests.bridge.rig import RATE, Rig

BAR_S = 2.0
"""At 120 BPM."""


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    rig.send("/tempo", 120.0)
    yield rig
    rig.close()


def state(rig: Rig, address: str) -> tuple[Value, ...]:
    rig.run(0.02)
    rig.send(address)
    rig.run(0.02)
    return rig.client.answers(address)[-1]


def test_a_slot_from_empty_to_playing_and_back(rig: Rig) -> None:
    assert state(rig, "/slot/3/state") == ("empty", 0)
    rig.send("/slot/3/prompt", "house")
    assert state(rig, "/slot/3/state") == ("stored", 0)
    rig.send("/slot/3/launch", 2)
    rig.run(0.5)
    assert state(rig, "/slot/3/state") == ("playing", 2)
    rig.send("/slot/4/prompt", "techno")
    rig.send("/slot/4/launch", 2)
    assert state(rig, "/slot/4/state") == ("armed", 2), "until the bar"
    assert state(rig, "/slot/3/state") == ("playing", 2)
    rig.run(BAR_S)
    assert state(rig, "/slot/4/state") == ("playing", 2)
    assert state(rig, "/slot/3/state") == ("stored", 0)
    rig.send("/stop")
    assert state(rig, "/slot/4/state") == ("armed", 2), "it goes on with the transport"
    rig.send("/deck/2/stop")
    assert state(rig, "/slot/4/state") == ("stored", 0)


def test_the_liveliest_deck_comes_first_and_the_others_follow(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "house", 0.5, "jazz", 0.5)
    rig.send("/slot/1/launch", 3)
    rig.run(0.5)
    rig.send("/slot/1/launch", 1)
    assert state(rig, "/slot/1/state") == ("playing", 3, "armed", 1)
    rig.run(BAR_S)
    assert state(rig, "/slot/1/state") == ("playing", 1, "playing", 3)
    assert state_on(("playing", 1, "armed", 3), 3) == "armed"


def test_an_empty_prompt_empties_a_slot(rig: Rig) -> None:
    rig.send("/slot/1/prompt", "house")
    rig.run(0.02)
    rig.bundle([("/slot/1/prompt", ["", 1.0]), ("/slot/1/launch", [])])
    rig.run(0.02)
    ((address, reason),) = rig.client.answers("/error")
    assert address == "/slot/1/launch"
    assert "slot 1 is empty" in str(reason)
    assert state(rig, "/slot/1/state") == ("stored", 0), "nothing of the bundle was done"
    rig.send("/slot/1/prompt", "")
    assert state(rig, "/slot/1/state") == ("empty", 0)
    assert state(rig, "/slot/1/prompt") == ("",)


def test_scenes_are_empty_or_stored(rig: Rig) -> None:
    assert state(rig, "/scene/16/state") == ("empty",)
    rig.send("/scene/16/store")
    assert state(rig, "/scene/16/state") == ("stored",)


def test_a_turn_without_news_reads_no_slot(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr(Pads, "_show_slots", lambda pads: looked.append(pads))
    rig.send("/play")
    rig.run(0.1)
    looked.clear()
    rig.send("/deck/1/gain", -3.0)
    rig.run(1.0)
    assert looked == []
    rig.send("/deck/1/prompt", "house")
    rig.run(0.02)
    assert len(looked) == 1


def test_slots_are_replaced_never_changed() -> None:
    session = Session(RATE, 1, lambda address, ms: None)
    before = session.slots, session.scenes
    session.store_scene(1)
    session.store_slot(1, session.decks[1].settings.prompts)
    assert session.slots is not before[0]
    assert session.scenes is not before[1]
