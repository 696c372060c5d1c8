"""What MIDI bytes mean. Any bytes whatever are accepted; what is no use here decodes to None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["note", "cc", "pitch", "program"]
Pulse = Literal["clock", "start", "continue", "stop", "position"]

_PULSES: dict[int, Pulse] = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop"}
_SONG_POSITION = 0xF2


@dataclass(frozen=True, slots=True)
class Key:
    """Which control it is, wherever it is plugged in next time."""

    port: str
    channel: int
    """1..16, as controllers show it."""
    kind: Kind
    number: int
    """Note, controller or program 0..127; 0 for the pitch wheel."""

    def __str__(self) -> str:
        words = {"note": "note", "cc": "CC", "pitch": "pitch wheel", "program": "program"}
        number = "" if self.kind == "pitch" else f" {self.number}"
        return f"{words[self.kind]}{number} on channel {self.channel} of {self.port}"


@dataclass(frozen=True, slots=True)
class Control:
    """A key pressed, a knob turned, a program chosen."""

    key: Key
    position: float
    """0..1: velocity, controller value or wheel; 1 for a program."""

    @property
    def pressed(self) -> bool:
        """Whether a button of this kind is down: 64..127 of a controller's 0..127."""
        return self.key.kind in ("note", "program") or self.position >= 0.5


@dataclass(frozen=True, slots=True)
class Realtime:
    """What drives a transport: clock (24 a beat), start, continue, stop, song position."""

    pulse: Pulse
    port: str
    sixteenths: int = 0
    """Of `position`: sixteenths from the start of the song."""


def decode(data: Sequence[int], port: str) -> Control | Realtime | None:
    """The message in `data`, or None for what has no use here: notes let go, aftertouch, sysex,
    and anything that is no whole MIDI message."""
    if not data:
        return None
    status, rest = data[0], data[1:]
    if any(not 0 <= byte < 0x80 for byte in rest):
        return None
    if status in _PULSES and not rest:
        return Realtime(_PULSES[status], port)
    if status == _SONG_POSITION and len(rest) == 2:
        return Realtime("position", port, rest[0] | rest[1] << 7)
    return _control(status, rest, port) if 0x80 <= status < 0xF0 else None


def _control(status: int, rest: Sequence[int], port: str) -> Control | None:
    channel = (status & 0x0F) + 1
    match status & 0xF0, *rest:
        case 0x90, note, velocity if velocity:
            return Control(Key(port, channel, "note", note), velocity / 127)
        case 0xB0, number, value:
            return Control(Key(port, channel, "cc", number), value / 127)
        case 0xC0, number:
            return Control(Key(port, channel, "program", number), 1.0)
        case 0xE0, low, high:
            return Control(Key(port, channel, "pitch", 0), (low | high << 7) / 16383)
    return None
