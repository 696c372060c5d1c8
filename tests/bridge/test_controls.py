"""Every address of the protocol, against a whole bridge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.addresses import ROWS
from bridge.row import Access, Row, Value
from engine import fake
from engine.errors import BadValue
from tests.bridge.rig import RATE, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def concrete(row: Row) -> str:
    return row.path.replace("/N/", "/2/")


def available(*kinds: Access) -> list[Row]:
    return [row for row in ROWS if row.access in kinds]


def test_something_is_done_for_every_row(rig: Rig) -> None:
    asked = {row.path for row in ROWS if row.access is not Access.OUT}
    assert asked == rig.controls.paths


@pytest.mark.parametrize("row", available(Access.VALUE), ids=lambda row: row.path)
def test_every_value_answers_on_its_own_address(rig: Rig, row: Row) -> None:
    if row.indexed == "slot":
        rig.send("/slot/2/prompt", "stored")
    rig.run(0.1)
    rig.send(concrete(row))
    rig.run(0.02)
    (values,) = rig.client.answers(concrete(row))
    assert len(row.take(values)) == len(values) > 0


SETTINGS: list[tuple[str, tuple[Value, ...]]] = [
    ("/tempo", (97.5,)),
    ("/tempo/raw", (141.0,)),
    ("/position", (12.0,)),
    ("/signature", (7, 8)),
    ("/grid", ("2bars",)),
    ("/clock", ("internal",)),
    ("/key", ("F# dorian",)),
    ("/deck/2/prompt", ("house", 0.25, "jazz", 0.75)),
    ("/deck/2/prompt", ("one",)),
    ("/deck/2/morph", (8.0,)),
    ("/deck/2/gain", (-12.0,)),
    ("/deck/2/level", (0.5,)),
    ("/deck/2/temperature", (1.5,)),
    ("/deck/2/top_k", (40,)),
    ("/deck/2/guidance", (7.0,)),
    ("/deck/2/seed", (99,)),
    ("/slot/7/prompt", ("stored", 1.0, "more", 2.0)),
]


@pytest.mark.parametrize(("address", "values"), SETTINGS)
def test_what_is_set_is_read_back_at_once(
    rig: Rig, address: str, values: tuple[Value, ...]
) -> None:
    rig.send(address, *values)
    rig.send(address)
    rig.run(0.1)
    (answer,) = rig.client.answers(address)
    assert answer == pytest.approx(values)


def test_level_is_gain_for_faders(rig: Rig) -> None:
    for level, gain in ((0.0, -60.0), (1.0, 6.0), (10 / 11, 0.0)):
        rig.send("/deck/1/level", level)
        rig.run(0.01)
        assert rig.session.decks[1].settings.gain_db == pytest.approx(gain, abs=1e-4)


def test_a_switch_without_argument_toggles(rig: Rig) -> None:
    for expected in (1, 0, 1):
        rig.send("/deck/3/mute")
        rig.run(0.01)
        assert rig.state.get("/deck/3/mute") == (expected,)


def test_a_drawn_seed_is_reported(rig: Rig) -> None:
    rig.send("/deck/1/seed", -1)
    rig.run(0.01)
    ((seed,),) = rig.client.answers("/deck/1/seed")
    assert rig.state.get("/deck/1/seed") == (seed,)


def test_a_blend_of_nothing_changes_nothing(rig: Rig) -> None:
    rig.send("/deck/1/prompt", "kept")
    rig.send("/deck/1/prompt", "gone", 0.0)
    rig.run(0.01)
    assert rig.state.get("/deck/1/prompt") == ("kept",)
    assert rig.client.answers("/error")


def test_tapping_sets_the_tempo(rig: Rig) -> None:
    for _ in range(4):
        rig.send("/tempo/tap")
        rig.run(0.5)
    (bpm,) = rig.state.get("/tempo") or ()
    assert bpm == pytest.approx(120, abs=1.5)


def test_beats_are_told_as_they_are_heard(rig: Rig) -> None:
    told: list[str] = []
    rig.feedback.event = lambda address, *args: told.append(str(args[0]))  # type: ignore[method-assign]
    rig.send("/signature", 3, 4)
    rig.send("/play")
    rig.run(2.1)
    assert told == ["1.1", "1.2", "1.3", "2.1", "2.2"]


def test_solo_silences_the_others_and_mute_wins(rig: Rig) -> None:
    rig.bundle([("/deck/1/play", ()), ("/deck/2/play", ())])
    rig.send("/deck/2/solo", 1)
    rig.send("/deck/2/mute", 1)
    rig.run(0.5)
    assert not rig.audio()[-1000:].any()
    rig.send("/deck/2/mute", 0)
    rig.run(0.2)
    assert rig.audio()[-1000:].any()


def test_a_pattern_reaches_many_decks(rig: Rig) -> None:
    rig.send("/deck/*/play")
    rig.run(0.2)
    rig.send("/deck/{1,3}/stop", "none")
    rig.run(0.2)
    states = [rig.state.get(f"/deck/{n}/state") for n in range(1, 5)]
    assert states == [("stopped",), ("playing",), ("stopped",), ("playing",)]


def test_position_jumps_while_playing(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(1.0)
    rig.send("/position", 64.0)
    rig.run(0.5)
    assert rig.session.transport.beat_at(rig.session.now) == pytest.approx(65, abs=0.1)
    assert rig.state.get("/deck/1/state") == ("playing",)


def test_reset_begins_the_stream_anew_on_the_bar(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    before = rig.session.decks[1].feed
    rig.send("/deck/1/reset")
    rig.run(0.2)
    assert rig.session.decks[1].feed is before
    rig.run(2.0)
    after = rig.session.decks[1].feed
    assert after is not None
    assert after is not before
    assert after.origin == rig.session.transport.sample_at(4.0)


REFUSED: list[tuple[str, tuple[Value, ...]]] = [
    ("/slot/77/launch", (1,)),
    ("/scene/9/launch", ()),
    ("/signature", (4, 3)),
    ("/key", ("H minor",)),
    ("/deck/1/continue", ("end.wav",)),
    ("/deck/1/prompt", ("nothing", 0.0)),
    ("/clip/cancel", (99,)),
]


@pytest.mark.parametrize("at_s", [None, 0.05, 0.5])
@pytest.mark.parametrize(("address", "values"), REFUSED)
def test_a_bundle_is_done_whole_or_not_at_all(
    rig: Rig, address: str, values: tuple[Value, ...], at_s: float | None
) -> None:
    due_s = None if at_s is None else rig.now_s + at_s
    rig.bundle([("/tempo", (131.0,)), (address, values), ("/deck/1/gain", (-9.0,))], at_s=due_s)
    rig.run(0.7)
    ((where, why),) = rig.client.answers("/error")
    assert where == address
    assert "nothing of its bundle was done" in str(why)
    assert rig.session.transport.bpm == 120
    assert rig.session.decks[1].settings.gain_db == 0


def test_a_bundle_may_launch_what_it_stores(rig: Rig) -> None:
    rig.bundle([("/slot/3/prompt", ("fresh",)), ("/slot/3/launch", (2,))])
    rig.run(0.3)
    assert rig.client.answers("/error") == []
    assert rig.state.get("/deck/2/prompt") == ("fresh",)


def test_an_empty_slot_reads_as_no_prompt(rig: Rig) -> None:
    rig.send("/slot/5/prompt")
    rig.run(0.01)
    assert rig.client.answers("/slot/5/prompt") == [("",)]


def test_a_deck_tells_what_it_is_doing(rig: Rig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.2)
    rig.send("/deck/1/state")
    rig.run(0.01)
    assert rig.client.answers("/deck/1/state") == [("playing",)]


def test_bars_of_seven_eighths_are_counted_from_their_own_lines(rig: Rig) -> None:
    told: list[str] = []
    rig.feedback.event = lambda address, *args: told.append(str(args[0]))  # type: ignore[method-assign]
    rig.send("/signature", 7, 8)
    rig.send("/play")
    rig.run(2.1)
    assert told == ["1.1", "1.2", "1.3", "1.4", "2.1"]


@pytest.mark.parametrize("value", [2, 0.5, -1, float("nan"), float("inf"), "on"])
def test_a_switch_takes_0_and_1_only(rig: Rig, value: Value) -> None:
    with pytest.raises(BadValue):
        rig.send("/deck/1/mute", value)


@pytest.mark.parametrize("address", ["/tempo", "/deck/1/seed", "/deck/1/gain"])
def test_true_is_no_number(rig: Rig, address: str) -> None:
    with pytest.raises(BadValue):
        rig.send(address, True)
