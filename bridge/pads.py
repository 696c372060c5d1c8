"""What decks do, where each slot plays, which scenes are stored: what a pad shows, on the page, on
a controller and in any client that listens.

A slot plays on a deck whose prompts are the slot's, and is armed where they wait for the grid, or
for the engine. Nothing remembers which pad was pressed: two pads with the same prompt both light,
as does one whose prompt was typed into a deck.

Threading: called on the conductor's thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bridge.decks.deck import Deck
from bridge.decks.settings import Prompts, values_of
from bridge.row import Value
from bridge.session import Session
from bridge.state import State

SLOT_STATES = ("empty", "stored", "armed", "playing")
SCENE_STATES = ("empty", "stored")

_SOUNDING = ("playing", "stopping", "holding", "looping")

Values = tuple[Value, ...]


class _Deck(NamedTuple):
    """All of a deck that a slot's state depends on."""

    number: int
    state: str
    prompts: Prompts
    coming: Prompts | None
    """What waits for it."""


class Pads:
    """Keeps `/deck/N/state`, `/slot/N/state`, `/slot/N/prompt` and `/scene/N/state`. Looked at in
    every turn, so as long as nothing has changed it compares a few objects and does no more."""

    def __init__(self, session: Session, state: State) -> None:
        self._session = session
        self._state = state
        self._decks: tuple[_Deck, ...] = ()
        self._slots: object = None
        self._scenes: object = None
        self._held: dict[int, Values] = {}
        """By slot, its prompts."""
        self._shown: dict[int, Values] = {}

    def show(self) -> None:
        """Bring the state up to date."""
        session = self._session
        decks = tuple(map(self._look, session.decks.values()))
        if decks != self._decks or session.slots is not self._slots:
            self._decks = decks
            for deck in decks:
                self._state.set(f"/deck/{deck.number}/state", deck.state)
            self._show_prompts(session.slots)
            self._show_slots()
        if session.scenes is not self._scenes:
            self._scenes = session.scenes
            for number in session.scenes:
                self._state.set(f"/scene/{number}/state", "stored")

    def _look(self, deck: Deck) -> _Deck:
        launcher = self._session.launcher
        armed = launcher.armed(deck.number) if launcher.waiting else None
        coming = None if armed is None else armed.settings.get("prompts")
        return _Deck(deck.number, self._session.state_of(deck), deck.settings.prompts, coming)

    def _show_prompts(self, slots: dict[int, Prompts]) -> None:
        if slots is self._slots:
            return
        self._slots = slots
        old, self._held = self._held, {n: values_of(prompts) for n, prompts in slots.items()}
        for number in old.keys() | self._held.keys():
            self._state.set(f"/slot/{number}/prompt", *self._held.get(number, ("",)))

    def _show_slots(self) -> None:
        on_decks = _places(self._decks)
        for number in self._shown.keys() | self._held.keys():
            held = self._held.get(number)
            shown = _EMPTY if held is None else on_decks.get(held, _STORED)
            if self._shown.get(number) != shown:
                self._shown[number] = shown
                self._state.set(f"/slot/{number}/state", *shown)


_EMPTY: Values = ("empty", 0)
_STORED: Values = ("stored", 0)


def _places(decks: tuple[_Deck, ...]) -> dict[Values, Values]:
    """By what a slot would have to hold, its state: how it is on one deck and on which, then the
    same for each further deck, the liveliest first."""
    found: dict[Values, list[tuple[str, int]]] = {}
    for deck in decks:
        for state, prompts in _lit(deck):
            found.setdefault(values_of(prompts), []).append((state, deck.number))
    return {
        held: tuple(v for place in sorted(places, key=_liveliest) for v in place)
        for held, places in found.items()
    }


def _liveliest(place: tuple[str, int]) -> tuple[int, int]:
    return -SLOT_STATES.index(place[0]), place[1]


def _lit(deck: _Deck) -> Iterator[tuple[str, Prompts]]:
    """The prompts that light a slot on this deck, and how."""
    if deck.coming is not None:
        yield "armed", deck.coming
    if deck.state == "armed" and deck.coming is None:
        yield "armed", deck.prompts
    if deck.state in _SOUNDING and (
        deck.coming is None or values_of(deck.coming) != values_of(deck.prompts)
    ):
        yield "playing", deck.prompts


def state_on(values: Values, deck: int) -> str:
    """The word in the values of `/slot/N/state` for one deck (0: for the liveliest)."""
    words = {number: str(word) for word, number in zip(values[::2], values[1::2], strict=True)}
    return words.get(deck or values[1], "empty" if values == _EMPTY else "stored")
