"""MIDI outputs: one port of another program or device by a part of its name, or one of our own.

Threading: whoever opened an output makes all calls on it.
"""

from __future__ import annotations

import sys
from typing import Any

from bridge.midi.ports import CLOCK_OUT
from bridge.midi.sending import Output, RtMidiOutput
from bridge.midi.system import reachable, stable_name
from engine.errors import BadValue

VIRTUAL_NAME = "virtual"
"""What to ask for to get an output of our own."""


def open_output(name: str) -> Output:
    """The first output whose name contains `name`, or our own for `virtual`.

    Raises BadValue, and names those that there are.
    """
    try:
        import rtmidi
    except ImportError as error:
        raise BadValue(f"no MIDI output ({error}): pip install python-rtmidi") from None
    here: list[str] = []
    for api, system in reachable(rtmidi):
        output = _open(rtmidi, api, system, name, here)
        if output is not None:
            return output
    if name == VIRTUAL_NAME:
        raise BadValue(f"no virtual MIDI output on this machine; here: {_listed(here)}")
    raise BadValue(f"no MIDI output is named {name!r}; here: {_listed(here)}")


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none at all"


def _open(rtmidi: Any, api: int, system: str, name: str, here: list[str]) -> Output | None:
    """`here` gets the names that were seen."""
    try:
        port = rtmidi.MidiOut(api, CLOCK_OUT)
    except rtmidi.RtMidiError:
        return None
    try:
        if name == VIRTUAL_NAME and sys.platform != "win32":
            port.open_virtual_port(CLOCK_OUT)
            return RtMidiOutput(rtmidi, port, CLOCK_OUT)
        for index in range(port.get_port_count()):
            found = stable_name(port.get_port_name(index, encoding="utf-8") or "", system)
            here.append(found)
            if name.casefold() in found.casefold():
                port.open_port(index, CLOCK_OUT)
                return RtMidiOutput(rtmidi, port, found)
    except rtmidi.RtMidiError:
        here.append(f"{system}, which does not answer")
    port.delete()
    return None
