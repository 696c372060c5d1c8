from __future__ import annotations

from pathlib import Path

import pytest

from bridge.midi.learn import LearntControls
from bridge.midi.messages import Control, Key, Kind
from bridge.midi.translate import Translator
from bridge.row import Value
from bridge.table import Table
from engine.errors import BadValue

Messages = list[tuple[str, tuple[Value, ...]]]


class Desk:
    """A translator, and what is asked for when its controls are used."""

    def __init__(
        self, store: Path, decks: int = 4, *, takeover: bool = False, velocity_gain: bool = False
    ) -> None:
        self.said: list[str] = []
        self.learnt = LearntControls(store, self.said.append)
        self.translator = Translator(
            Table(decks), self.learnt, self.said.append, takeover=takeover,
            velocity_gain=velocity_gain,
        )  # fmt: skip

    def use(self, kind: Kind, number: int, value: int = 127, channel: int = 1) -> Messages:
        control = Control(Key("pad", channel, kind, number), value / 127)
        return [(r.path, r.values) for r in self.translator.translate(control)]

    def note(self, number: int, velocity: int = 100, channel: int = 1) -> Messages:
        return self.use("note", number, velocity, channel)

    def cc(self, number: int, value: int, channel: int = 1) -> Messages:
        return self.use("cc", number, value, channel)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "midi.json"


@pytest.fixture
def desk(store: Path) -> Desk:
    return Desk(store)


@pytest.mark.parametrize(("note", "channel", "slot"), [(36, 1, 1), (43, 10, 8), (51, 16, 16)])
def test_pads_launch_slots_on_any_channel(desk: Desk, note: int, channel: int, slot: int) -> None:
    assert desk.note(note, channel=channel) == [(f"/slot/{slot}/launch", ())]


@pytest.mark.parametrize("note", [0, 35, 52, 127])
def test_other_notes_do_nothing(desk: Desk, note: int) -> None:
    assert desk.note(note) == []


@pytest.mark.parametrize(("velocity", "db"), [(127, 0.0), (64, -11.9), (1, -60.0)])
def test_velocity_is_gain_where_that_is_wanted(store: Path, velocity: int, db: float) -> None:
    [(address, values), launch] = Desk(store, velocity_gain=True).note(36, velocity)
    assert address == "/deck/1/gain"
    assert values == pytest.approx((db,), abs=0.05)
    assert launch == ("/slot/1/launch", ())


@pytest.mark.parametrize(
    ("number", "value", "address", "expected"),
    [(7, 0, "level", 0.0), (7, 127, "level", 1.0), (1, 127, "temperature", 2.0),
     (71, 0, "top_k", 1), (71, 127, "top_k", 2048), (74, 0, "guidance", 1.0)],
)  # fmt: skip
def test_knobs_of_the_default_map(
    desk: Desk, number: int, value: int, address: str, expected: float
) -> None:
    for deck in (1, 4):
        assert desk.cc(number, value, deck) == [(f"/deck/{deck}/{address}", (expected,))]


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_stops_the_deck_at_once(desk: Desk, number: int) -> None:
    assert desk.cc(number, 0, channel=3) == [("/deck/3/stop", ("none",))]


def test_programs_launch_scenes(desk: Desk) -> None:
    assert desk.use("program", 0) == [("/scene/1/launch", ())]
    assert desk.use("program", 15) == [("/scene/16/launch", ())]
    assert desk.use("program", 16) == []


def test_decks_that_are_not_there_are_left_alone(store: Path) -> None:
    desk = Desk(store, decks=2)
    assert desk.cc(7, 100, channel=3) == []
    assert desk.cc(123, 0, channel=3) == []
    assert desk.cc(7, 100, channel=16) == []


def test_the_wheel_and_other_controllers_do_nothing(desk: Desk) -> None:
    assert desk.use("pitch", 0, 100) == []
    assert desk.cc(20, 100) == []


def test_a_learnt_knob_sets_its_value_and_nothing_while_it_is_learnt(desk: Desk) -> None:
    desk.translator.learn("/deck/2/guidance")
    assert desk.cc(20, 64) == []
    assert desk.cc(20, 127) == [("/deck/2/guidance", (10.0,))]
    assert desk.said == ["CC 20 on channel 1 of pad now drives /deck/2/guidance"]


def test_the_wheel_can_be_learnt(desk: Desk) -> None:
    desk.translator.learn("/tempo")
    assert desk.use("pitch", 0, 64) == []
    assert desk.use("pitch", 0, 0) == [("/tempo", (20.0,))]


def test_what_is_learnt_goes_before_the_default(desk: Desk) -> None:
    desk.translator.learn("/deck/1/mute")
    desk.note(36)
    assert desk.note(36) == [("/deck/1/mute", ())]
    assert desk.note(37) == [("/slot/2/launch", ())]
    desk.translator.forget("/deck/1/mute")
    assert desk.note(36) == [("/slot/1/launch", ())]


def test_a_value_waits_for_a_knob_past_pads_and_panic(desk: Desk) -> None:
    desk.translator.learn("/deck/1/gain")
    assert desk.note(36) == [("/slot/1/launch", ())]
    assert desk.cc(123, 0) == [("/deck/1/stop", ("none",))]
    desk.cc(20, 1)
    assert desk.cc(20, 0) == [("/deck/1/gain", (-60.0,))]


def test_a_button_switches_on_and_off(desk: Desk) -> None:
    desk.translator.learn("/record")
    desk.cc(30, 127)
    assert desk.cc(30, 0) == [("/record", (False,))]
    assert desk.cc(30, 63) == []
    assert desk.cc(30, 64) == [("/record", (True,))]
    assert desk.cc(30, 127) == []


def test_a_button_fires_once_a_press(desk: Desk) -> None:
    desk.translator.learn("/play")
    desk.cc(30, 127)
    assert [desk.cc(30, v) for v in (127, 0, 40, 90, 127, 0)] == [
        [], [], [], [("/play", ())], [], [],
    ]  # fmt: skip


def test_a_learnt_program_fires(desk: Desk) -> None:
    desk.translator.learn("/panic")
    assert desk.use("program", 5) == []
    assert desk.use("program", 5) == [("/panic", ())]
    assert desk.use("program", 6) == [("/scene/7/launch", ())]


def test_what_was_learnt_for_more_decks_waits_for_them(store: Path) -> None:
    big = Desk(store, decks=8)
    big.translator.learn("/deck/8/gain")
    big.cc(7, 64)
    big.learnt.flush()
    assert Desk(store, decks=2).cc(7, 64) == []
    assert Desk(store, decks=8).cc(7, 127) == [("/deck/8/gain", (6.0,))]


def test_learning_can_be_called_off(desk: Desk) -> None:
    desk.translator.learn("/play")
    desk.translator.forget("/play")
    assert desk.note(36) == [("/slot/1/launch", ())]
    with pytest.raises(BadValue):
        desk.translator.forget("/play")


def test_a_bad_address_leaves_what_was_armed(desk: Desk) -> None:
    desk.translator.learn("/play")
    with pytest.raises(BadValue):
        desk.translator.learn("/deck/1/prompt")
    desk.note(36)
    assert desk.note(36) == [("/play", ())]


@pytest.mark.parametrize("number", [7, 20])
def test_knobs_take_over_softly(store: Path, number: int) -> None:
    desk = Desk(store, takeover=True)
    if number == 20:
        desk.translator.learn("/deck/1/level")
        desk.cc(20, 0)
    desk.translator.follow("/deck/1/level", (100 / 127,))
    assert desk.cc(number, 10) == []
    assert desk.cc(number, 99) == [("/deck/1/level", (99 / 127,))]
    desk.translator.follow("/deck/1/level", (99 / 127,))
    assert desk.cc(number, 50) == [("/deck/1/level", (50 / 127,))]
    desk.translator.follow("/deck/1/level", (0.0,))
    assert desk.cc(number, 51) == []


def test_a_whole_number_holds_though_it_lies_beside_the_knob(store: Path) -> None:
    desk = Desk(store, takeover=True)
    for value in (0, 5, 10, 15, 20, 127):
        for address, values in desk.cc(71, value):
            desk.translator.follow(address, values)
    assert desk.cc(71, 60) == [("/deck/1/top_k", (37,))]


def test_following_what_no_knob_drives_is_harmless(store: Path) -> None:
    desk = Desk(store, takeover=True)
    follow = desk.translator.follow
    follow("/deck/1/prompt", ("lofi",))
    follow("/deck/1/gain", ())
    follow("/deck/1/gain", ("loud",))
    follow("/signature", (4, 4))
    follow("/nowhere", (1,))
    assert desk.cc(20, 1) == []
