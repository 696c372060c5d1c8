"""Tempo and key reach the engine as words, and only where they change something."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.decks.words import Words, key_of
from engine import fake
from engine.api import Steering
from engine.errors import BadValue
from engine.fake import FakeStream
from engine.host.inline import InlineEngine
from tests.bridge.rig import RATE, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def steerings(rig: Rig, deck: int) -> list[Steering]:
    """All that the engine remembers to have been told for a deck."""
    feed, engine = rig.session.decks[deck].feed, rig.session.launcher.engine
    assert feed is not None
    assert isinstance(engine, InlineEngine)
    stream = engine._runner._tracks[feed.stream].stream
    assert isinstance(stream, FakeStream)
    return [change.steering for change in stream._changes]


def words(rig: Rig, deck: int = 1) -> str:
    return steerings(rig, deck)[-1].words


def test_what_is_added_to_a_prompt() -> None:
    assert Words().at(119.6) == "120 bpm"
    assert Words("A minor").at(120) == "120 bpm, A minor"
    assert Words("A minor", on=False).at(120) == ""


@pytest.mark.parametrize(
    ("text", "key"),
    [("A minor", "A minor"), (" f#  DORIAN ", "F# dorian"), ("bb major", "Bb major"), ("", "")],
)
def test_keys_are_kept_in_one_form(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize("text", ["H minor", "A", "minor", "A minor, sad", "A## major", "A moll"])
def test_what_is_no_key_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadValue, match=r"'A minor' or 'F# dorian'") as caught:
        key_of(text)
    assert "\n" not in str(caught.value)


def test_a_deck_begins_with_tempo_and_key(rig: Rig) -> None:
    rig.send("/key", "f# dorian")
    rig.send("/tempo", 93.7)
    rig.send("/deck/1/play")
    rig.run(0.2)
    assert words(rig) == "94 bpm, F# dorian"
    assert rig.state.get("/key") == ("F# dorian",)
    assert rig.state.get("/prompt/words") == (1,)


def test_key_tempo_and_switch_steer_what_sounds_and_what_waits(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.2)
    rig.send("/deck/2/play")
    rig.run(0.1)
    for address, value, expected in (
        ("/key", "A minor", "120 bpm, A minor"),
        ("/tempo", 140.0, "140 bpm, A minor"),
        ("/prompt/words", 0, ""),
        ("/prompt/words", 1, "140 bpm, A minor"),
        ("/key", "", "140 bpm"),
    ):
        rig.send(address, value)
        rig.run(0.1)
        assert words(rig) == expected
    rig.run(2.0)
    assert words(rig, 2) == "140 bpm"


def test_a_bad_key_refuses_its_bundle(rig: Rig) -> None:
    rig.bundle([("/tempo", (131.0,)), ("/key", ("X minor",))])
    rig.run(0.05)
    ((where, why),) = rig.client.answers("/error")
    assert where == "/key"
    assert "A..G" in str(why)
    assert rig.session.transport.bpm == 120


def test_what_changes_nothing_for_the_engine_throws_nothing_away(rig: Rig) -> None:
    rig.send("/prompt/words", 0)
    rig.send("/deck/1/play")
    rig.run(1.0)
    feed = rig.session.decks[1].feed
    assert feed is not None
    told = feed._reader._epoch  # type: ignore[attr-defined]
    rig.send("/tempo", 130.0)
    rig.send("/position", 32.0)
    rig.send("/key", "A minor")
    rig.run(0.2)
    assert feed._reader._epoch == told  # type: ignore[attr-defined]
    rig.send("/deck/1/prompt", "another")
    rig.run(0.2)
    assert feed._reader._epoch == told + 1  # type: ignore[attr-defined]


def test_an_engine_that_keeps_time_hears_of_every_tempo() -> None:
    from engine import groove

    rig = Rig(partial(groove.load, rate=RATE))
    rig.send("/prompt/words", 0)
    rig.send("/deck/1/play")
    rig.run(0.3)
    feed = rig.session.decks[1].feed
    assert feed is not None
    told = feed._reader._epoch  # type: ignore[attr-defined]
    rig.send("/tempo", 120.2)
    rig.run(0.1)
    assert feed._reader._epoch > told  # type: ignore[attr-defined]
    rig.close()
