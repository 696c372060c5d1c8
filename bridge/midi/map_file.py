"""Maps of controllers, read from TOML (`docs/midi.md` has the format).

All is checked when it is read, every address against the protocol table: what is wrong is said in
one line with the file, the entry and the remedy, and no controller falls dead on stage.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bridge.addresses import MAX_DECKS
from bridge.midi.device_map import ANY_CHANNEL, DeviceMap, Job, Led, Place
from bridge.midi.lights import states_of
from bridge.midi.map_entry import Colors, Entry
from bridge.midi.messages import Kind
from bridge.midi.targets import ASKERS, find_target
from bridge.presets import preset_file
from bridge.row import Access, Arg, Row, Value
from bridge.table import Table
from engine.errors import BadValue

FILE = "map.toml"

_TABLE = Table(MAX_DECKS)
"""A map for eight decks serves a server of four, whose other controls do nothing."""

_KINDS: tuple[Kind, ...] = ("note", "cc", "program", "pitch")
_NOTE_ON, _CONTROL = 0x90, 0xB0


def load_map(text: str) -> DeviceMap:
    """The map that `NAME` or `NAME@PORT` means: NAME is a preset or the path of a `.toml`, PORT a
    part of the port's name instead of the map's own. Raises BadValue."""
    name, _, port = (text, "", "") if Path(text).is_file() else text.partition("@")
    path = preset_file(name, FILE)
    try:
        device = parse_map(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"{path} cannot be read: {error}") from None
    if not port and not device.ports:
        raise BadValue(f"{path} is for any port: write {name}@PORT, a part of the port's name")
    return device.on_port(port) if port else device


def parse_map(text: str, file: str) -> DeviceMap:
    """The map in a file's text. Raises BadValue, in which the file is called `file`."""
    try:
        whole = Entry(tomllib.loads(text), file)
    except tomllib.TOMLDecodeError as error:
        raise BadValue(f"{file} is no TOML: {error}") from None
    device = DeviceMap(
        name=whole.text("name"),
        ports=whole.texts("port", optional=True),
        not_ports=whole.texts("not_port", optional=True),
        init=tuple(_sysex(whole, line) for line in whole.texts("init", optional=True)),
        bye=tuple(_sysex(whole, line) for line in whole.texts("bye", optional=True)),
        jobs=_jobs(whole),
        leds=_leds(whole, whole.number("off", 0, 127, default=0)),
    )
    whole.finish()
    return device


def _jobs(whole: Entry) -> dict[Place, Job]:
    jobs: dict[Place, Job] = {}
    for entry in whole.entries("control"):
        for place, job in _control(entry):
            if place in jobs:
                raise entry.bad(f"{place[0]} {place[2]} has a job already: leave one out")
            jobs[place] = job
    return jobs


def _control(entry: Entry) -> Iterator[tuple[Place, Job]]:
    kind = entry.one_of(_KINDS)
    numbers = entry.numbers(kind, 0, 0 if kind == "pitch" else 127)
    channel = entry.number("channel", 1, 16, default=ANY_CHANNEL)
    address, first = entry.text("to"), entry.number("first", 1, 128, default=1)
    args, limits = entry.values("args"), entry.pair("range")
    entry.finish()
    for n, number in enumerate(numbers, first):
        values = tuple(n if value == "{n}" else value for value in args)
        job = _job(entry, address.replace("{n}", str(n)), values, limits)
        if job.knob is not None and kind not in ("cc", "pitch"):
            raise entry.bad(f"{job.address} takes a number: give it args, or a cc or pitch")
        if job.knob is None and kind == "pitch":
            raise entry.bad(f"{job.address} is pressed: a pitch wheel only turns")
        yield (kind, channel, number), job


def _job(
    entry: Entry, address: str, values: tuple[Value, ...], limits: tuple[float, float] | None
) -> Job:
    try:
        if values:
            _check_press(address, values)
            target = None
        else:
            target = find_target(_TABLE, address)
    except BadValue as error:
        raise entry.bad(f"to {address}: {error}") from None
    if target is None or target.arg is None:
        if limits is not None:
            raise entry.bad(f"range: {address} is pressed, not turned")
        return Job(address, values)
    return Job(address, knob=replace(target, arg=_narrowed(entry, target.arg, limits)))


def _check_press(address: str, values: tuple[Value, ...]) -> None:
    requests = _TABLE.resolve(address, values)
    sendable = [r for r in requests if r.row.access is not Access.READ]
    if not sendable or any(r.row.path in ASKERS for r in sendable):
        raise BadValue("a control cannot drive it")


def _narrowed(entry: Entry, arg: Arg, limits: tuple[float, float] | None) -> Arg:
    if limits is None:
        return arg
    low, high = limits
    assert arg.low is not None
    assert arg.high is not None
    if not arg.low <= low < high <= arg.high:
        raise entry.bad(
            f"range {low:g}..{high:g} does not lie within {arg.low:.10g}..{arg.high:.10g}"
        )
    return replace(arg, low=low, high=high)


def _leds(whole: Entry, off: int) -> tuple[Led, ...]:
    leds: list[Led] = []
    palettes = whole.palettes("palette")
    for entry in whole.entries("light"):
        for led in _light(entry, off, palettes):
            if any(led.off == other.off for other in leds):
                raise entry.bad(f"light {led.off.hex(' ')} is there already: leave one out")
            leds.append(led)
    return tuple(leds)


def _light(entry: Entry, off: int, palettes: Mapping[str, Colors]) -> Iterator[Led]:
    kind = entry.one_of(("note", "cc", "led"))
    numbers = entry.numbers(kind, 0, 127)
    channel = entry.number("channel", 1, 16, default=1)
    template = entry.text("sysex") if kind == "led" else ""
    address, first = entry.text("shows"), entry.number("first", 1, 128, default=1)
    deck = entry.number("deck", 1, MAX_DECKS, default=0)
    colors = entry.colors("colors", palettes)
    entry.finish()

    def message(number: int, color: tuple[int, int]) -> bytes:
        value, on = color[0], color[1] or channel
        if kind == "led":
            return _sysex(entry, template, led=number, color=value)
        return bytes(((_NOTE_ON if kind == "note" else _CONTROL) + on - 1, number, value))

    for n, number in enumerate(numbers, first):
        shown = address.replace("{n}", str(n))
        _check_states(entry, _row(entry, shown), deck, list(colors))
        messages = {state: message(number, color) for state, color in colors.items()}
        yield Led(shown, deck, messages, message(number, (off, 0)))


def _row(entry: Entry, address: str) -> Row:
    try:
        [request] = _TABLE.resolve(address, ())
    except (BadValue, ValueError) as error:
        raise entry.bad(f"shows {address}: {error}") from None
    return request.row


def _check_states(entry: Entry, row: Row, deck: int, words: list[str]) -> None:
    states = states_of(row)
    if not states:
        raise entry.bad(
            f"shows {row.path}: no light can; slots, scenes, decks' states, switches, /play and"
            " /position can be shown"
        )
    unknown = [word for word in words if word not in states]
    if unknown:
        raise entry.bad(f"colors: {unknown[0]!r} is none of {' '.join(states)}")
    if deck and row.indexed != "slot":
        raise entry.bad("deck: only with a slot, to say on which deck it is watched")


def _sysex(entry: Entry, text: str, **values: int) -> bytes:
    """The bytes of a message written in hex. Raises BadValue if it is no whole message."""
    try:
        words = [f"{values[word[1:-1]]:02x}" if word[0] == "{" else word for word in text.split()]
        data = bytes.fromhex(" ".join(words))
    except (ValueError, KeyError):
        raise entry.bad(f"{text!r} is no message in hex, such as 'F0 7E 7F 06 01 F7'") from None
    is_sysex = data[:1] == b"\xf0" and data[-1:] == b"\xf7" and max(data[1:-1], default=0) < 128
    is_short = 2 <= len(data) <= 3 and 0x80 <= data[0] < 0xF0 and max(data[1:]) < 128
    if not (is_sysex or is_short):
        raise entry.bad(f"{text!r} is no whole MIDI message: F0 ... F7, or status and data")
    return data
