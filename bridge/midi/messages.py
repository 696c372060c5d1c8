"""What MIDI bytes mean. Any bytes whatever are accepted; what is no use here decodes to None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mido import Message

Kind = Literal["note", "cc", "pitch", "program"]
Pulse = Literal["clock", "start", "continue", "stop", "position"]

_PULSES = ("clock", "start", "continue", "stop")


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
    try:
        message = Message.from_bytes(data)
    except (ValueError, TypeError, LookupError):
        return None
    if message.type in _PULSES:
        return Realtime(message.type, port)
    if message.type == "songpos":
        return Realtime("position", port, message.pos)
    return _control(message, port)


def _control(message: Any, port: str) -> Control | None:
    def key(kind: Kind, number: int = 0) -> Key:
        return Key(port, message.channel + 1, kind, number)

    match message.type:
        case "note_on" if message.velocity:
            return Control(key("note", message.note), message.velocity / 127)
        case "control_change":
            return Control(key("cc", message.control), message.value / 127)
        case "program_change":
            return Control(key("program", message.program), 1.0)
        case "pitchwheel":
            return Control(key("pitch"), (message.pitch + 8192) / 16383)
    return None
