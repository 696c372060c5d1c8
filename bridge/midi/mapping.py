"""The default map: what a control does that nobody taught (`docs/midi.md`)."""

from __future__ import annotations

import math

from bridge.midi.messages import Control
from bridge.midi.targets import Target
from bridge.row import Value

FIRST_PAD = 36
"""The lowest pad of nearly every pad controller (General MIDI's bass drum)."""
PADS = 16

GAIN_BY_VELOCITY = "/deck/1/gain"
"""What a pad's velocity sets where that is wanted: a slot launched without naming a deck plays on
deck 1."""

KNOBS = {
    7: "/deck/{deck}/level",
    1: "/deck/{deck}/temperature",
    71: "/deck/{deck}/top_k",
    74: "/deck/{deck}/guidance",
}
"""Controllers that set a value of the deck with the channel's number."""

CHANNEL_MODE_FROM = 120
_STOPS = (120, 123)
"""All sound off, all notes off: what a DAW sends when its user hits stop twice."""

Default = tuple[str, tuple[Value, ...]]


def knob_address(control: Control) -> str | None:
    """The value that this control sets by default, or None."""
    if control.key.kind != "cc" or control.key.number not in KNOBS:
        return None
    return KNOBS[control.key.number].format(deck=control.key.channel)


def default_messages(control: Control, gain: Target | None = None) -> list[Default]:
    """The messages that a pad, a program or a stop means by default; with `gain`, a pad also sets
    that by its velocity. What the table does not know (deck 9) is for the caller to leave out."""
    key = control.key
    pad = key.number - FIRST_PAD
    if key.kind == "note" and 0 <= pad < PADS:
        launch: Default = (f"/slot/{pad + 1}/launch", ())
        if gain is None:
            return [launch]
        return [(gain.address, (gain.clamp(velocity_db(control.position)),)), launch]
    if key.kind == "program":
        return [(f"/scene/{key.number + 1}/launch", ())]
    if key.kind == "cc" and key.number in _STOPS:
        return [(f"/deck/{key.channel}/stop", ("none",))]
    return []


def velocity_db(position: float) -> float:
    """Gain for a velocity above 0, up to 1, by General MIDI's square law: 0 dB at 127, -12 dB
    at 64."""
    return 40 * math.log10(position)
