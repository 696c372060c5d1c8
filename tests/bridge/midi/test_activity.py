"""What is moved is told, at a pace that a screen can show."""

from __future__ import annotations

from pathlib import Path

from bridge.midi import MidiHub
from bridge.midi.activity import TELL_S, Activity
from bridge.table import Table
from tests.bridge.midi.fakes import FakeSystem


def test_a_knob_that_is_turned_fast_is_told_now_and_then_and_where_it_stopped() -> None:
    told: list[tuple[object, ...]] = []
    activity = Activity(lambda *said: told.append(said))
    for position in range(100):
        activity.moved("X", "CC 74 on channel 1 of X", position, 0.001 * position)
    activity.pump(0.1 + TELL_S)
    assert [values[3] for values in told] == [0, 50, 99]
    activity.pump(10.0)
    assert len(told) == 3


def test_inputs_do_not_wait_for_each_other() -> None:
    told: list[tuple[object, ...]] = []
    activity = Activity(lambda *said: told.append(said))
    activity.moved("X", "CC 1", 1, 0.0)
    activity.moved("Y", "CC 2", 2, 0.0)
    assert told == [("/midi/activity", "X", "CC 1", 1), ("/midi/activity", "Y", "CC 2", 2)]


def test_what_comes_in_and_what_is_learnt_is_told(tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []
    shown: list[tuple[object, ...]] = []
    system = FakeSystem("pad 20:0")
    hub = MidiHub(
        lambda batch: True, Table(4), tmp_path / "midi.json", lambda line: None,
        connect=lambda: {"system": system.connect},
        event=lambda *said: told.append(said), show=lambda *said: shown.append(said),
    )  # fmt: skip
    hub.start()
    hub.close()
    assert shown[0][0] == "/midi/inputs"
    assert "pad" in shown[0]
    hub.learn("/deck/1/level")
    hub.received("pad", [0xB0, 74, 93], 1.0)
    control = "CC 74 on channel 1 of pad"
    assert told == [
        ("/midi/activity", "pad", control, 93), ("/midi/learnt", "/deck/1/level", control),
    ]  # fmt: skip
    assert hub.learnt() == [("/deck/1/level", control)]
    hub.received("pad", [0xF8], 2.0)
    assert told[-1] == ("/midi/activity", "pad", "clock", 0)
