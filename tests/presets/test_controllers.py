"""The maps of controllers: against the protocol table, the devices' published numbers and names,
and their own pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bridge.addresses import MAX_DECKS
from bridge.midi.device_map import DeviceMap, Job
from bridge.midi.map_file import load_map
from bridge.midi.messages import Key, Kind
from bridge.presets import preset_names, presets_folder
from bridge.table import Table

NAMES = preset_names("map.toml")
FOUR_DECKS, ALL_DECKS = Table(decks=4), Table(decks=MAX_DECKS)


@cache
def loaded(name: str) -> DeviceMap:
    return load_map(f"{name}@any" if name == "generic-pads-knobs" else name)


def page(name: str) -> str:
    return Path(presets_folder() / name / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def job(name: str, kind: Kind, number: int, channel: int = 1) -> Job | None:
    return loaded(name).job(Key("any", channel, kind, number))


def does(name: str, kind: Kind, number: int, channel: int = 1) -> tuple[object, ...]:
    found = job(name, kind, number, channel)
    assert found is not None
    return (found.address, *found.values)


def test_all_that_were_promised_are_there() -> None:
    assert {"akai-mpk-mini", "akai-apc-mini", "novation-launchpad", "novation-launch-control-xl",
            "korg-nanokontrol2", "generic-pads-knobs"} <= set(NAMES)  # fmt: skip


def test_what_a_map_sends_is_taken(name: str) -> None:
    for found in loaded(name).jobs.values():
        ends = [(found.knob.value(0),), (found.knob.value(1),)] if found.knob else [found.values]
        for values in ends:
            table = ALL_DECKS if found.address not in set(FOUR_DECKS) else FOUR_DECKS
            assert table.resolve(found.address, values)


def test_what_its_lights_show_is_there(name: str) -> None:
    assert {led.address for led in loaded(name).leds} <= set(ALL_DECKS)


def test_a_light_lies_at_a_control(name: str) -> None:
    kinds: dict[int, Kind] = {0x90: "note", 0xB0: "cc"}
    for led in loaded(name).leds:
        if led.off[0] != 0xF0:
            kind, channel = kinds[led.off[0] & 0xF0], (led.off[0] & 15) + 1
            assert job(name, kind, led.off[1], channel), led.off.hex(" ")


def test_its_page_names_everything_it_does(name: str) -> None:
    text = page(name)
    for found in loaded(name).jobs.values():
        [request] = ALL_DECKS.resolve(found.address, found.values)
        assert f"`{request.row.path}`" in text, request.row.path
    assert "## What goes where" in text
    assert f"--midi-map {name}" in text


PORTS = {
    "akai-apc-mini": ["APC MINI", "APC MINI:APC MINI MIDI 1"],
    "akai-apc-mini-mk2": [
        "APC mini mk2", "APC mini mk2 Control", "APC mini mk2:APC mini mk2 APC mini mk2 Contr",
    ],
    "akai-mpk-mini": ["MPK mini 3", "MPK mini 3:MPK mini 3 MIDI 1"],
    "novation-launchpad": [
        "Launchpad X LPX MIDI In", "Launchpad X LPX MIDI Out", "Launchpad X:Launchpad X LPX MIDI",
        "Launchpad X:Launchpad X MIDI 2", "MIDIIN2 (LPX MIDI)", "MIDIOUT2 (LPX MIDI)",
        "Launchpad Mini MK3 LPMiniMK3 MIDI Out", "MIDIOUT2 (LPMiniMK3 MIDI)",
        "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 MI", "MIDIIN2 (LPMiniMK3 MIDI)",
        "Launchpad Mini MK3:Launchpad Mini MK3 MIDI 2",
    ],
    "novation-launchpad-classic": ["Launchpad Mini", "Launchpad Mini:Launchpad Mini MIDI 1"],
    "novation-launch-control-xl": [
        "Launch Control XL", "Launch Control XL:Launch Control XL MIDI 1",
        "Launch Control XL:Launch Control XL Launch Contro",
    ],
    "korg-nanokontrol2": [
        "nanoKONTROL2", "nanoKONTROL2 SLIDER/KNOB", "nanoKONTROL2 CTRL",
        "nanoKONTROL2:nanoKONTROL2 nanoKONTROL2 _ CTR",
    ],
}  # fmt: skip
"""As CoreMIDI, Windows and ALSA name them, without the numbers that change."""
OTHERS = [
    "APC mini mk2 Notes", "MIDIIN2 (APC mini mk2)", "MIDIOUT2 (APC mini mk2)",
    "APC mini mk2:APC mini mk2 APC mini mk2 Notes", "Launchpad X LPX DAW In", "LPX MIDI",
    "Launchpad X:Launchpad X MIDI 1", "LPMiniMK3 MIDI", "Launchpad Mini MK3 LPMiniMK3 DAW Out",
    "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 DA", "Launch Control XL HUI",
    "MIDIIN2 (Launch Control XL)", "Midi Through:Midi Through Port-0", "MPKmini2",
]  # fmt: skip
"""Other devices, and the ports of these that belong to a DAW."""


@pytest.mark.parametrize(("name", "port"), [(n, port) for n in PORTS for port in PORTS[n]])
def test_a_device_is_known_by_its_port_on_each_system(name: str, port: str) -> None:
    assert [n for n in PORTS if loaded(n).fits(port)] == [name]


@pytest.mark.parametrize("port", OTHERS)
def test_the_ports_of_a_daw_are_left_alone(port: str) -> None:
    assert not any(loaded(name).fits(port) for name in PORTS)


@pytest.mark.parametrize(
    ("name", "top_left", "bottom_left", "top_right", "bottom_right"),
    [("akai-apc-mini", 56, 0, 63, 7), ("akai-apc-mini-mk2", 56, 0, 63, 7),
     ("novation-launchpad", 81, 11, 88, 18), ("novation-launchpad-classic", 0, 112, 7, 119)],
)  # fmt: skip
def test_grids_are_slots_by_decks(
    name: str, top_left: int, bottom_left: int, top_right: int, bottom_right: int
) -> None:
    assert does(name, "note", top_left) == ("/slot/1/launch", 1)
    assert does(name, "note", bottom_left) == ("/slot/8/launch", 1)
    assert does(name, "note", top_right) == ("/slot/9/launch", 4)
    assert does(name, "note", bottom_right) == ("/slot/16/launch", 4)
    device = loaded(name)
    pads = {led.off[1]: (led.address, led.deck) for led in device.leds if led.deck}
    assert len(pads) == 64
    for pad, (address, deck) in pads.items():
        assert does(name, "note", pad) == (address.replace("prompt", "launch"), deck)


@pytest.mark.parametrize(
    ("name", "armed", "playing"),
    [("akai-apc-mini", "90 38 02", "90 38 01"), ("akai-apc-mini-mk2", "9d 38 0d", "96 38 15"),
     ("novation-launchpad", "91 51 0d", "92 51 15"),
     ("novation-launchpad-classic", "90 00 3a", "90 00 3c")],
)  # fmt: skip
def test_an_armed_pad_blinks_and_a_playing_one_shines(name: str, armed: str, playing: str) -> None:
    [led] = [led for led in loaded(name).leds if (led.address, led.deck) == ("/slot/1/prompt", 1)]
    assert [led.message(state).hex(" ") for state in ("armed", "playing")] == [armed, playing]
    assert led.message("empty") == led.off


@pytest.mark.parametrize(
    ("name", "kind", "number", "channel", "expected"),
    [
        ("akai-apc-mini", "cc", 48, 1, ("/deck/1/level",)),
        ("akai-apc-mini", "note", 89, 1, ("/panic",)),
        ("akai-apc-mini-mk2", "note", 119, 1, ("/panic",)),
        ("akai-mpk-mini", "note", 51, 10, ("/slot/16/launch", 1)),
        ("akai-mpk-mini", "cc", 70, 1, ("/deck/1/level",)),
        ("novation-launchpad", "cc", 19, 1, ("/panic",)),
        ("novation-launch-control-xl", "cc", 84, 9, ("/deck/8/level",)),
        ("novation-launch-control-xl", "note", 57, 9, ("/deck/5/mute",)),
        ("korg-nanokontrol2", "cc", 55, 1, ("/deck/8/mute",)),
        ("korg-nanokontrol2", "cc", 41, 1, ("/play",)),
        ("generic-pads-knobs", "note", 36, 10, ("/slot/1/launch", 1)),
    ],
)
def test_controls_have_the_numbers_of_their_device(
    name: str, kind: Kind, number: int, channel: int, expected: tuple[object, ...]
) -> None:
    assert does(name, kind, number, channel) == expected


def test_keys_of_the_mpk_mini_are_no_pads() -> None:
    assert job("akai-mpk-mini", "note", 40, channel=1) is None


def test_a_launchpad_enters_programmer_mode_and_leaves_it() -> None:
    device = loaded("novation-launchpad")
    assert bytes.fromhex("F0 00 20 29 02 0D 0E 01 F7") in device.init
    assert bytes.fromhex("F0 00 20 29 02 0C 0E 00 F7") in device.bye


def test_the_launch_control_is_lit_by_sysex_for_its_first_factory_template() -> None:
    [led] = [led for led in loaded("novation-launch-control-xl").leds
             if led.address == "/deck/8/solo"]  # fmt: skip
    assert led.message("on") == bytes.fromhex("F0 00 20 29 02 11 78 08 27 3C F7")
