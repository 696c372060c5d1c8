"""Lights: what state a controller shows, and what it is sent when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.midi import MidiHub
from bridge.midi.device_map import Led
from bridge.midi.light_ports import BURST, TICK_S, LightPorts
from bridge.midi.lights import Shown
from bridge.midi.map_file import parse_map
from bridge.row import Value
from bridge.table import Table
from tests.bridge.midi.fakes import FakeOutput, FakeSystem

PAD = parse_map(
    """
name = "Pad"
port = "pad"
init = "F0 01 F7"
bye = ["F0 00 F7"]

[palette.slot]
stored = 5
armed = { color = 9, channel = 2 }
playing = 1

[[light]]
note = "0..99"
shows = "/slot/{n}/prompt"
deck = 1
colors = "slot"

[[light]]
cc = 7
shows = "/deck/1/mute"
colors = { on = 127 }

[[light]]
led = 3
sysex = "F0 78 {led} {color} F7"
shows = "/play"
colors = { on = 60 }
""",
    "pad.toml",
)


BEGIN = len(PAD.leds) // BURST + 1
"""So many ticks until all is lit."""


class Stage:
    """A state to set, and a controller with lights that sees it."""

    def __init__(self, system: FakeSystem) -> None:
        self.system = system
        self.said: list[str] = []
        self.shown = Shown()
        self.lights = LightPorts([PAD], self.shown, self.said.append)
        self.now_s = 0.0

    def set(self, address: str, *args: Value) -> None:
        self.shown.follow(address, args)

    def scan(self) -> None:
        self.lights.scan({"fake": self.system})

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.now_s += TICK_S
            self.lights.pump(self.now_s)

    @property
    def output(self) -> FakeOutput:
        return self.system.outputs[-1]

    def told(self) -> list[bytes]:
        """What came since the last call, after one tick."""
        self.tick()
        told = list(self.output.sent)
        self.output.sent.clear()
        return told


@pytest.fixture
def stage() -> Stage:
    """Lit, with all that belongs to the beginning sent."""
    stage = Stage(FakeSystem("pad 20:0", "keys 24:0"))
    stage.scan()
    stage.tick(BEGIN)
    return stage


def test_the_device_is_prepared_and_every_light_is_set_once(stage: Stage) -> None:
    assert [output.name for output in stage.system.outputs] == ["pad"]
    assert stage.output.sent[0] == bytes.fromhex("F0 01 F7")
    assert stage.output.sent[1:101] == [bytes((0x90, note, 0)) for note in range(100)]
    assert stage.output.sent[101:] == [b"\xb0\x07\x00", bytes.fromhex("F0 78 03 00 F7")]
    assert stage.said == ["Pad is lit through MIDI output pad"]


def test_a_slot_goes_from_empty_to_playing_and_back(stage: Stage) -> None:
    stage.told()
    stage.set("/slot/2/state", "stored", 0)
    assert stage.told() == [bytes((0x90, 1, 5))]
    stage.set("/slot/2/state", "armed", 1)
    assert stage.told() == [bytes((0x91, 1, 9))], "blinks by its channel"
    stage.set("/slot/2/state", "playing", 1)
    assert stage.told() == [bytes((0x90, 1, 1))]
    stage.set("/slot/2/state", "playing", 2)
    assert stage.told() == [bytes((0x90, 1, 5))], "it is deck 1 that is watched"
    stage.set("/slot/2/state", "empty", 0)
    assert stage.told() == [bytes((0x90, 1, 0))]


def test_only_changes_are_sent(stage: Stage) -> None:
    stage.set("/deck/1/mute", 1)
    stage.told()
    stage.set("/deck/1/mute", 0)
    stage.set("/deck/1/mute", 1)
    stage.set("/deck/2/mute", 1)
    assert stage.told() == []


def test_switches_and_sysex_lights(stage: Stage) -> None:
    stage.told()
    stage.set("/deck/1/mute", 1)
    stage.set("/play", 1)
    assert stage.told() == [b"\xb0\x07\x7f", bytes.fromhex("F0 78 03 3C F7")]


def test_many_changes_go_out_in_bursts(stage: Stage) -> None:
    stage.told()
    for slot in range(1, 101):
        stage.set(f"/slot/{slot}/state", "stored", 0)
    assert [len(stage.told()) for _ in range(BEGIN)] == [BURST] * (100 // BURST) + [0]


def test_between_ticks_nothing_is_sent(stage: Stage) -> None:
    stage.told()
    stage.set("/play", 1)
    stage.lights.pump(stage.now_s + TICK_S / 2)
    assert stage.output.sent == []


def test_a_device_plugged_in_again_is_lit_anew(stage: Stage) -> None:
    stage.set("/play", 1)
    stage.tick()
    stage.system.plugged.remove("pad 20:0")
    stage.scan()
    assert stage.output.closed
    stage.system.plugged.append("pad 24:0")
    stage.scan()
    stage.tick(BEGIN)
    assert len(stage.system.outputs) == 2
    assert stage.output.sent[0] == bytes.fromhex("F0 01 F7")
    assert stage.output.sent[-1] == bytes.fromhex("F0 78 03 3C F7")


def test_a_cable_that_falls_out_is_no_error(stage: Stage) -> None:
    stage.output.broken = True
    stage.set("/play", 1)
    stage.tick()
    assert stage.output.closed
    assert len(stage.said) == 1
    stage.scan()
    stage.tick(BEGIN)
    assert stage.output.sent[-1] == bytes.fromhex("F0 78 03 3C F7"), "found again"


def test_an_output_in_use_is_said_once() -> None:
    system = FakeSystem("pad 20:0")
    system.stuck.add("pad 20:0")
    stage = Stage(system)
    stage.scan()
    stage.scan()
    [said] = stage.said
    assert said.startswith("MIDI output pad cannot be opened (in use), Pad stays dark: close")


def test_a_system_that_is_gone_lets_go_of_its_outputs(stage: Stage) -> None:
    stage.system.gone = True
    stage.scan()
    stage.lights.scan({})
    assert stage.output.closed


def test_lights_go_out_at_the_end(stage: Stage) -> None:
    stage.set("/play", 1)
    stage.told()
    stage.lights.close()
    assert stage.output.sent[:2] == [b"\x90\x00\x00", b"\x90\x01\x00"]
    assert stage.output.sent[-2:] == [bytes.fromhex("F0 78 03 00 F7"), bytes.fromhex("F0 00 F7")]
    assert stage.output.closed


@pytest.mark.parametrize(
    "own", ["sideman:sideman", "sideman-01:pad", "sideman lights-02:pad", "sideman clock:pad"]
)
def test_our_own_ports_are_never_lit(own: str) -> None:
    stage = Stage(FakeSystem(own))
    stage.scan()
    assert stage.system.outputs == []


def led(address: str, deck: int = 0) -> Led:
    return Led(address, deck, {}, b"")


class TestShown:
    def test_a_slot_on_any_deck_shows_the_liveliest(self) -> None:
        shown = Shown()
        shown.follow("/slot/1/state", ("playing", 4, "armed", 2))
        assert shown.state(led("/slot/1/prompt")) == "playing"
        assert shown.state(led("/slot/1/state", deck=4)) == "playing"
        assert shown.state(led("/slot/1/prompt", deck=2)) == "armed"
        assert shown.state(led("/slot/1/prompt", deck=3)) == "stored"
        assert shown.state(led("/slot/9/prompt", deck=3)) == "empty"

    def test_scenes(self) -> None:
        shown = Shown()
        assert shown.state(led("/scene/2/state")) == "empty"
        shown.follow("/scene/2/state", ("stored",))
        assert shown.state(led("/scene/2/state")) == "stored"

    def test_decks_and_what_the_server_lacks(self) -> None:
        shown = Shown()
        shown.follow("/deck/1/state", ("holding",))
        assert shown.state(led("/deck/1/state")) == "holding"
        assert shown.state(led("/deck/8/state")) == ""

    @pytest.mark.parametrize(
        ("signature", "position", "state"),
        [((4, 4), 0.0, "bar"), ((4, 4), 0.5, "off"), ((4, 4), 1.1, "beat"), ((4, 4), 8.2, "bar"),
         ((3, 4), 3.0, "bar"), ((6, 8), 3.0, "bar"), ((6, 8), 0.5, "beat"), ((6, 8), 0.3, "off")],
    )  # fmt: skip
    def test_beats(self, signature: tuple[int, int], position: float, state: str) -> None:
        shown = Shown()
        shown.follow("/signature", signature)
        shown.follow("/position", (position,))
        assert shown.state(led("/position")) == "off"
        shown.follow("/play", (1,))
        assert shown.state(led("/position")) == state


class Lamp(FakeOutput):
    """Tells when it is sent something."""

    came = threading.Condition()

    def send(self, data: bytes) -> None:
        with self.came:
            super().send(data)
            self.came.notify_all()


class LampSystem(FakeSystem):
    def open_output(self, index: int, destination: str) -> FakeOutput:
        self.outputs.append(Lamp(self.label(destination)))
        return self.outputs[-1]


class TestHub:
    """The MIDI thread lights what the state says."""

    @pytest.fixture
    def system(self) -> LampSystem:
        return LampSystem("pad 20:0")

    @pytest.fixture
    def said(self) -> list[str]:
        return []

    @pytest.fixture
    def hub(self, tmp_path: Path, system: FakeSystem, said: list[str]) -> Iterator[MidiHub]:
        hub = MidiHub(
            lambda batch: True, Table(4), tmp_path / "midi.json", said.append, maps=[PAD],
            connect=lambda: {"fake": system.connect},
        )  # fmt: skip
        yield hub
        hub.close()

    def test_a_change_of_state_lights_a_pad(self, hub: MidiHub, system: FakeSystem) -> None:
        hub.start()
        hub.follow("/slot/1/state", ["stored", 0])
        with Lamp.came:
            assert Lamp.came.wait_for(lambda: system.outputs[0].leds.get(0) == (1, 5), 10)
        hub.close()
        assert system.outputs[0].leds[0] == (1, 0)

    def test_a_map_without_its_device_is_said(
        self, hub: MidiHub, system: FakeSystem, said: list[str]
    ) -> None:
        system.plugged = ["keys 24:0"]
        hub.start()
        assert said == [
            "no MIDI input fits the map Pad (its name would contain pad) yet; here: sideman, keys"
        ]
