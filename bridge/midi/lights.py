"""What the lights of controllers show: the server's state, in the words that maps give colours to.

Threading: `follow` may be called from any thread, `state` and `changed` from the MIDI thread.
"""

from __future__ import annotations

from bridge.midi.device_map import Led
from bridge.pads import SCENE_STATES, SLOT_STATES, state_on
from bridge.row import Access, Row, Value

_DECK = ("stopped", "armed", "playing", "stopping", "holding", "looping")
_SWITCH = ("off", "on")
_BEAT = ("off", "beat", "bar")

_PLAYS = ("/play", "/deck/N/play")
"""Triggers that are state besides: 1 while it plays."""

_STATE_OF = {
    "/slot/N/prompt": SLOT_STATES,
    "/slot/N/state": SLOT_STATES,
    "/scene/N/state": SCENE_STATES,
    "/deck/N/state": _DECK,
    "/position": _BEAT,
}
"""A slot is shown under either name: its prompt is what a map's reader thinks of."""


def states_of(row: Row) -> tuple[str, ...]:
    """The words for what an address of this row can show; none: it cannot be shown."""
    if row.access is Access.SWITCH or row.path in _PLAYS:
        return _SWITCH
    return _STATE_OF.get(row.path, ())


class Shown:
    """The state, as lights see it."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Value, ...]] = {}
        self._moved = True

    def follow(self, address: str, args: tuple[Value, ...]) -> None:
        """The state of `address` is now `args`."""
        self._values[address] = args
        self._moved = True

    def changed(self) -> bool:
        """Whether anything did since the last call."""
        if not self._moved:
            return False
        # Before anything is read: what changes from here on is seen with the next call.
        self._moved = False
        return True

    def state(self, led: Led) -> str:
        """The word for what `led` shows; empty where the server has no such thing."""
        if led.address.startswith("/slot/"):
            values = self._values.get(f"{led.address.rpartition('/')[0]}/state")
            return state_on(values, led.deck) if values else "empty"
        if led.address == "/position":
            return self._beat()
        value = self._values.get(led.address)
        if value is None:
            return "empty" if led.address.startswith("/scene/") else ""
        return value[0] if isinstance(value[0], str) else _SWITCH[bool(value[0])]

    def _beat(self) -> str:
        """Lit for the first half of each beat."""
        if self._values.get("/play") != (1,):
            return "off"
        [position] = self._values.get("/position", (0.0,))
        numerator, denominator = self._values.get("/signature", (4, 4))
        assert isinstance(position, int | float)
        assert isinstance(numerator, int)
        assert isinstance(denominator, int)
        beats = position * denominator / 4
        if beats % 1 >= 0.5:
            return "off"
        return "bar" if beats % numerator < 0.5 else "beat"
