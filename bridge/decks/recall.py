"""The last whole bars of what was played: of a deck, or of all of them.

Threading: the conductor's thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.decks.hold import Hold
from bridge.decks.memory import Memory
from bridge.session import Session
from bridge.time.bars import Passage, last_bars, whole_bars
from engine.errors import BadValue


@dataclass(frozen=True, slots=True)
class Taken:
    """Bars that are to become a clip. The memory goes on; what is read of it must be read soon."""

    memory: Memory
    passage: Passage
    text: str
    """What was asked to be played."""
    seed: int
    engine: str


def deck_bars(session: Session, number: int, bars: int) -> Taken:
    """The last `bars` whole bars of a deck that have been heard. Raises BadValue if there are
    fewer."""
    deck = session.decks[number]
    passage = _passage(session, deck.memory, f"deck {number}", bars, session.heard)
    text = " + ".join(prompt.text for prompt in deck.settings.prompts)
    return Taken(deck.memory, passage, text, deck.settings.seed, _engine(session))


def master_bars(session: Session, bars: int) -> Taken:
    """The same of the master."""
    passage = _passage(session, session.master, "the master", bars, session.heard)
    return Taken(session.master, passage, "master", 0, _engine(session))


def hold(session: Session, number: int, bars: int | None) -> None:
    """Have a deck loop its last `bars` whole bars (None: one) from now on; again, have it go on.
    Raises BadValue if there are fewer, or if it does not play."""
    deck = session.decks[number]
    if deck.held is not None and bars in (None, deck.held.bars):
        deck.go_on()
        return
    passage = bars_to_hold(session, number, bars or 1)
    deck.hold(Hold(deck.memory, passage, session.rate, session.workshop))


def bars_to_hold(session: Session, number: int, bars: int) -> Passage:
    """The last whole bars of a deck that plays, in the mix: the next sample can go on with them."""
    deck = session.decks[number]
    if not deck.sounding:
        raise BadValue(f"deck {number} does not play, so there is nothing to hold: start it first")
    return _passage(session, deck.memory, f"deck {number}", bars, session.now)


def _engine(session: Session) -> str:
    engine = session.launcher.engine
    return "sideman" if engine is None else engine.info.name


def _passage(session: Session, memory: Memory, who: str, bars: int, until: int) -> Passage:
    transport = session.transport
    if memory.first is None:
        raise BadValue(f"{who} has not played yet, so there are no bars to take")
    last = min(until, memory.last, until if transport.playing else session.stopped)
    played = whole_bars(transport.map, transport.meter, memory.first, last)
    known = whole_bars(transport.map, transport.meter, max(memory.first, memory.start), last)
    if bars > played:
        raise BadValue(
            f"{who} has played {played} whole bars since the transport was placed or its signature"
            f" changed, not {bars}: ask for fewer, or wait"
        )
    if bars > known:
        raise BadValue(
            f"{bars} bars are more than is remembered ({known} bars, {memory.seconds:g} s):"
            " ask for fewer, or serve --remember more seconds"
        )
    return last_bars(transport.map, transport.meter, last, bars)
