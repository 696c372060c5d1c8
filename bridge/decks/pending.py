"""What was changed, and the engine has not been told yet.

While the engine works at what it was told before, the next waits: a knob that is turned all along
would otherwise keep it from ever delivering.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.decks.deck import Deck
from bridge.decks.launch import Launcher
from bridge.decks.pace import comfort_s, patience_s
from bridge.time.transport import Transport

TEMPO_MARGIN_S = 0.02
"""A change of tempo or position begins so much after the newest mixed sample: the engine has
delivered by then, and every note lies on one grid or the other."""


class Pending:
    def __init__(self, transport: Transport, decks: dict[int, Deck], launcher: Launcher) -> None:
        self._transport = transport
        self._decks = decks
        self._launcher = launcher
        self._steered: set[int] = set()
        """Decks whose settings are others."""
        self._retimed: int | None = None
        """The first sample from which on the transport is another."""
        self._moved = False
        self._tempo_waits = False
        self._told = 0
        """When the engine was last told something."""

    @property
    def empty(self) -> bool:
        return not self._steered and self._retimed is None and not self._tempo_waits

    def steer(self, numbers: Iterable[int]) -> None:
        """The settings of these decks are others, or the words that go with all prompts."""
        self._steered.update(numbers)

    def change_tempo(self) -> None:
        """The transport's `bpm` is another, and is to hold as soon as can be."""
        self._tempo_waits = True

    def retime(self, at: int, now: int, *, moved: bool) -> None:
        """From sample `at` on the tempo, or (`moved`) the position or metre is another."""
        soon = self.soon(at, now)
        self._retimed = soon if self._retimed is None else min(soon, self._retimed)
        self._moved |= moved

    def soon(self, at: int, now: int) -> int:
        """`at`, or the first sample that a change of the transport may still begin with."""
        return max(at, now + round(TEMPO_MARGIN_S * self._transport.rate))

    def tell(self, now: int) -> None:
        """Tell the engine of everything since the last call, once, if it is ready to hear it."""
        if self.busy(now):
            return
        if self._tempo_waits:
            self._transport.change_tempo(self.soon(now, now))
            self.retime(now, now, moved=False)
            self._tempo_waits = False
        if self._steered or self._retimed is not None:
            self._told = now
        for number, deck in self._decks.items():
            if self._retimed is not None:
                self._launcher.bend(deck, self._retimed)
            if number in self._steered:
                self._launcher.steer(deck, deck.settings, now)
        if self._retimed is not None:
            self._launcher.retime(self._retimed, moved=self._moved)
        elif self._steered:
            self._launcher.prepare_again(self._steered)
        self._steered.clear()
        self._retimed, self._moved = None, False

    def busy(self, now: int) -> bool:
        """Whether the engine still works at what it was told before."""
        rate = self._transport.rate
        pause_s = max(deck.pause_samples for deck in self._decks.values()) / rate
        if now - self._told >= patience_s(pause_s) * rate:
            return False
        comfort = now + round(comfort_s(pause_s) * rate)
        near = any(deck.sounding and deck.track.end < comfort for deck in self._decks.values())
        return near or not self.delivered(now)

    def delivered(self, now: int) -> bool:
        return all(deck.provided(now) for deck in self._decks.values())
