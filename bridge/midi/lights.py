"""What the lights of controllers show: the server's state, in the words that maps give colours to.

Most of it is there to be read (`bridge/state.py`). Where a slot's prompt plays is not: a slot
plays on a deck whose prompts are the slot's, and is armed where they wait for the grid.

Threading: `follow` may be called from any thread, `state` and `changed` from the MIDI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridge.addresses import MAX_DECKS, Access, Row, Value
from bridge.midi.device_map import Led

_SLOT = ("empty", "stored", "armed", "playing")
_DECK = ("stopped", "armed", "playing", "stopping", "holding", "looping")
_SWITCH = ("off", "on")
_BEAT = ("off", "beat", "bar")

_PLAYS = ("/play", "/deck/N/play")
"""Triggers that are state besides: 1 while it plays."""
_SOUNDING = ("playing", "stopping", "holding", "looping")

Waiting = Callable[[], Mapping[int, tuple[Value, ...]]]
"""By deck, the prompts that wait for the grid. May be called from any thread."""


def states_of(row: Row) -> tuple[str, ...]:
    """The words for what an address of this row can show; none: it cannot be shown."""
    if row.access is Access.SWITCH or row.path in _PLAYS:
        return _SWITCH
    shown = {"/slot/N/prompt": _SLOT, "/deck/N/state": _DECK, "/position": _BEAT}
    return shown.get(row.path, ())


class Shown:
    """The state, as lights see it."""

    def __init__(self, waiting: Waiting = dict) -> None:
        self._values: dict[str, tuple[Value, ...]] = {}
        self._waiting = waiting
        self._armed: Mapping[int, tuple[Value, ...]] = {}
        self._moved = True

    def follow(self, address: str, args: tuple[Value, ...]) -> None:
        """The state of `address` is now `args`."""
        self._values[address] = args
        self._moved = True

    def changed(self) -> bool:
        """Whether anything did since the last call."""
        armed = self._waiting()
        if not self._moved and armed == self._armed:
            return False
        # Before anything is read: what changes from here on is seen with the next call.
        self._moved = False
        self._armed = armed
        return True

    def state(self, led: Led) -> str:
        """The word for what `led` shows; empty where the server has no such thing."""
        if led.address.startswith("/slot/"):
            return self._slot(led.address, led.deck)
        if led.address == "/position":
            return self._beat()
        value = self._values.get(led.address)
        if value is None:
            return ""
        return value[0] if isinstance(value[0], str) else _SWITCH[bool(value[0])]

    def _slot(self, address: str, deck: int) -> str:
        prompts = self._values.get(address)
        if prompts is None:
            return "empty"
        decks = (deck,) if deck else range(1, MAX_DECKS + 1)
        return max((self._on_deck(prompts, n) for n in decks), key=_SLOT.index)

    def _on_deck(self, prompts: tuple[Value, ...], deck: int) -> str:
        if self._armed.get(deck) == prompts:
            return "armed"
        [state] = self._values.get(f"/deck/{deck}/state", ("",))
        if self._values.get(f"/deck/{deck}/prompt") != prompts:
            return "stored"
        if state == "armed" and deck not in self._armed:
            return "armed"
        return "playing" if state in _SOUNDING else "stored"

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
