"""Maps of controllers: what their files may say, and what their controls then do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.midi.device_map import DeviceMap
from bridge.midi.learn import LearntControls
from bridge.midi.map_file import load_map, parse_map
from bridge.midi.messages import Control, Key, Kind
from bridge.midi.translate import Translator
from bridge.row import Value
from bridge.table import Table
from engine.errors import BadValue

Messages = list[tuple[str, tuple[Value, ...]]]

HEAD = 'name = "Pad"\nport = "pad"\n'
MAP = (
    HEAD
    + """
[[control]]
note = ["8..5", 20]
first = 9
to = "/slot/{n}/launch"
args = [2]

[[control]]
note = 60
channel = 3
to = "/deck/1/mute"

[[control]]
note = 60
to = "/deck/2/mute"

[[control]]
cc = "1..6"
to = "/deck/{n}/level"

[[control]]
cc = 30
to = "/deck/1/solo"

[[control]]
cc = 31
to = "/tempo"
range = [100, 200]

[[control]]
cc = 32
to = "/grid"
args = ["2bars"]

[[control]]
pitch = 0
to = "/deck/1/temperature"

[[control]]
program = "0..3"
to = "/deck/1/morph"
args = ["{n}"]
"""
)


class Desk:
    """A translator with a map for the port `pad`, and what is asked for there and elsewhere."""

    def __init__(self, store: Path, *, takeover: bool = False) -> None:
        self.learnt = LearntControls(store, print)
        self.translator = Translator(
            Table(4), self.learnt, print, takeover=takeover, maps=[parse_map(MAP, "pad.toml")]
        )

    def use(
        self, kind: Kind, number: int, value: int = 127, channel: int = 1, port: str = "PAD 1"
    ) -> Messages:
        control = Control(Key(port, channel, kind, number), value / 127)
        return [(r.path, r.values) for r in self.translator.translate(control)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "midi.json")


@pytest.mark.parametrize(("note", "slot"), [(8, 9), (7, 10), (5, 12), (20, 13)])
def test_numbers_are_laid_out_in_their_order(desk: Desk, note: int, slot: int) -> None:
    assert desk.use("note", note) == [(f"/slot/{slot}/launch", (2,))]


def test_a_channel_of_its_own_comes_before_any(desk: Desk) -> None:
    assert desk.use("note", 60, channel=3) == [("/deck/1/mute", ())]
    assert desk.use("note", 60, channel=4) == [("/deck/2/mute", ())]


def test_buttons_fire_and_toggle_when_they_go_down(desk: Desk) -> None:
    presses = [desk.use("cc", 30, value) for value in (127, 0, 127, 127)]
    assert presses == [[("/deck/1/solo", ())], [], [("/deck/1/solo", ())], []]
    assert desk.use("cc", 32, 127) == [("/grid", ("2bars",))]
    assert desk.use("cc", 32, 0) == []
    assert desk.use("program", 3) == [("/deck/1/morph", (4.0,))]


def test_knobs_set_values_over_the_range_that_the_map_gives_them(desk: Desk) -> None:
    assert desk.use("cc", 4, 127) == [("/deck/4/level", (1.0,))]
    assert [desk.use("cc", 31, v)[0][1] for v in (0, 127)] == [(100.0,), (200.0,)]
    assert desk.use("pitch", 0, 127) == [("/deck/1/temperature", (2.0,))]


def test_a_knob_with_a_part_of_the_range_is_taken_over_softly(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "midi.json", takeover=True)
    desk.translator.follow("/tempo", (150.0,))
    assert desk.use("cc", 31, 0) == []
    assert desk.use("cc", 31, 127) == [("/tempo", (200.0,))], "it passed 150 on its way"


def test_decks_that_the_server_lacks_do_nothing(desk: Desk) -> None:
    assert desk.use("cc", 5, 100) == []


def test_a_port_with_a_map_has_that_map_alone_and_others_have_the_default(desk: Desk) -> None:
    assert desk.use("note", 36) == []
    assert desk.use("cc", 7, 127) == []
    assert desk.use("note", 36, port="keys") == [("/slot/1/launch", ())]


def test_what_was_learnt_comes_first(desk: Desk) -> None:
    desk.learnt.bind(Key("PAD 1", 1, "note", 8), "/panic")
    assert desk.use("note", 8) == [("/panic", ())]


CONTROL = HEAD + "[[control]]\n"
LIGHT = HEAD + "[[light]]\nnote = 1\n"
SLOT = 'shows = "/slot/1/prompt"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "m.toml is no TOML: "),
        ('port = "pad"', "m.toml: needs name, a string"),
        (HEAD + "colour = 1", "m.toml: 'colour' is no key here; there are bye control init light"),
        (HEAD + 'port = ""', "m.toml is no TOML: Cannot overwrite a value"),
        ('name = "x"\nport = 3', "port is a string, or a list of strings"),
        (HEAD + "control = 1", "m.toml: control is a list of tables: write [[control]]"),
        (CONTROL + "note = 1", "m.toml, control 1: needs to, a string"),
        (CONTROL + 'to = "/play"', "control 1: needs one of note cc program pitch"),
        (CONTROL + 'note = 1\ncc = 1\nto = "/play"', "needs one of note cc program pitch"),
        (CONTROL + 'note = 128\nto = "/play"', "control 1: note 128 is out of range 0..127"),
        (CONTROL + 'note = "0..x"\nto = "/play"', "note '0..x' is no whole number, nor a range"),
        (CONTROL + 'note = []\nto = "/play"', "note names no number"),
        (CONTROL + 'note = 1\nchannel = 0\nto = "/play"', "channel 0 is out of range 1..16"),
        (CONTROL + 'note = 1\nto = "/plya"', "to /plya: a control cannot drive /plya: unknown"),
        (CONTROL + 'note = [1, 1]\nto = "/play"', "note 1 has a job already: leave one out"),
        (CONTROL + 'note = 1\nto = "/tempo"', "/tempo takes a number: give it args, or a cc"),
        (CONTROL + 'pitch = 0\nto = "/play"', "/play is pressed: a pitch wheel only turns"),
        (CONTROL + 'note = 1\nto = "/tempo"\nargs = [900]', "bpm 900 is out of range 20..400"),
        (CONTROL + 'note = 1\nto = "/ping"\nargs = [1]', "/ping: a control cannot drive it"),
        (CONTROL + 'note = 1\nto = "/play"\nargs = 1', "args is a list of numbers and strings"),
        (CONTROL + 'cc = 1\nto = "/deck/9/level"', "there is no deck 9: decks go from 1 to 8"),
        (CONTROL + 'cc = 1\nto = "/tempo"\nrange = [1, 2]', "range 1..2 does not lie within 20..4"),
        (CONTROL + 'cc = 1\nto = "/tempo"\nrange = 1', "range is two numbers, [lowest, highest]"),
        (CONTROL + 'cc = 1\nto = "/play"\nrange = [1, 2]', "/play is pressed, not turned"),
        (LIGHT + SLOT, "m.toml, light 1: needs colors, such as"),
        (LIGHT + SLOT + "colors = { on = 1 }", "'on' is none of empty stored armed playing"),
        (LIGHT + SLOT + "colors = { armed = 128 }", "colors.armed 128 is out of range 0..127"),
        (LIGHT + SLOT + "colors = { armed = { color = 1, chan = 2 } }", "'chan' is no key here"),
        (LIGHT + SLOT + 'colors = "red"', "there is no palette 'red': write [palette.red]"),
        (LIGHT + 'shows = "/tempo"\ncolors = { on = 1 }', "shows /tempo: no light can; slots,"),
        (LIGHT + 'shows = "/x"\ncolors = { on = 1 }', "shows /x: unknown address"),
        (LIGHT + 'deck = 1\nshows = "/play"\ncolors = { on = 1 }', "deck: only with a slot"),
        (HEAD + 'init = "F0 01"', "'F0 01' is no whole MIDI message: F0 ... F7, or status"),
        (HEAD + 'init = "reset"', "'reset' is no message in hex, such as"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_entry_and_remedy(text: str, said: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse_map(text, "m.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_light_is_described_once() -> None:
    twice = HEAD + 2 * '[[light]]\nnote = 1\nshows = "/play"\ncolors = { on = 1 }\n'
    with pytest.raises(BadValue, match="light 2: light 90 01 00 is there already"):
        parse_map(twice, "m.toml")


def test_the_file_in_the_manual_is_a_map() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "midi.md").read_text(encoding="utf-8")
    [text] = re.findall(r"```toml\n(.*?)```", manual, re.DOTALL)
    device = parse_map(text, "midi.md")
    assert device.fits("myctrl 1")
    assert not device.fits("myctrl DAW")
    assert len(device.leds) == 12


class TestLoading:
    def test_a_preset_by_its_name(self) -> None:
        assert load_map("akai-apc-mini").name == "Akai APC mini"

    def test_another_port(self) -> None:
        device = load_map("akai-apc-mini@Clone 3")
        assert device.fits("a2j:clone 3 in")
        assert not device.fits("APC MINI")

    def test_a_file_of_ones_own(self, tmp_path: Path) -> None:
        own = tmp_path / "own@home.toml"
        own.write_text(HEAD)
        assert load_map(str(own)) == DeviceMap("Pad", ("pad",), (), {})

    def test_unknown_names_list_those_there_are(self) -> None:
        with pytest.raises(BadValue, match=r"no preset 'apc'.*akai-apc-mini .*novation-launchpad "):
            load_map("apc")

    def test_a_map_for_any_port_asks_for_one(self) -> None:
        with pytest.raises(BadValue, match="write generic-pads-knobs@PORT"):
            load_map("generic-pads-knobs")

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(BadValue, match=r"bad\.toml cannot be read"):
            load_map(str(tmp_path / "bad.toml"))
