"""What clients see of the session: the state behind every readable address, kept current.

Threading: called on the conductor's thread only.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from bridge.decks.deck import Deck
from bridge.decks.settings import Settings, level_of, values_of
from bridge.osc.feedback import Feedback
from bridge.pads import Pads
from bridge.row import Value
from bridge.session import Session
from bridge.state import State

POSITION_HZ = 20.0
"""How often `/position` is told while the transport runs: enough for a counter on a screen."""

_EPSILON_BEATS = 1e-6
"""A beat computed from a sample counts as begun: rounding must not make a display stutter."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the ear is."""

    beat: float
    playing: bool


class Mirror:
    def __init__(self, session: Session, state: State, feedback: Feedback) -> None:
        self._session = session
        self._state = state
        self._feedback = feedback
        self._told_s = 0.0
        self._beat: tuple[int, int] | None = None
        self.heard = Place(0.0, False)
        self._shown_revision = -1
        self._shown_decks: dict[int, tuple[Settings, bool]] = {}
        self._pads = Pads(session, state)

    def show(self, heard_sample: int, now_s: float) -> None:
        """Bring the state up to date; `heard_sample` is what the device takes at `now_s`."""
        self._show_changes()
        for deck in self._session.decks.values():
            self._state.set(f"/deck/{deck.number}/lock", deck.lock)
        self._state.set("/clip/audition/state", *self._session.audition.state)
        self._pads.show()
        self._follow_beats(heard_sample)
        if now_s - self._told_s >= 1.0 / POSITION_HZ:
            self._told_s = now_s
            self._show_position()

    def refresh(self) -> None:
        """Bring everything up to date at once: a read must see what was set before it."""
        self._show_changes()
        self._pads.show()
        self._show_position()

    def _show_position(self) -> None:
        transport = self._session.transport
        beat = self.heard.beat if transport.playing else transport.held_beat
        self._state.set("/position", float(beat))

    def _show_changes(self) -> None:
        if self._shown_revision == self._session.revision:
            return
        self._shown_revision = self._session.revision
        transport = self._session.transport
        self._state.set("/tempo", float(transport.bpm))
        self._state.set("/tempo/raw", float(transport.bpm))
        self._state.set("/play", int(transport.playing))
        self._state.set("/signature", transport.meter.numerator, transport.meter.denominator)
        self._state.set("/grid", self._session.grid)
        self._state.set("/key", self._session.words.key)
        self._state.set("/prompt/words", int(self._session.words.on))
        self._state.set("/audition/gain", self._session.audition.gain_db)
        for deck in self._session.decks.values():
            self._show_deck(deck)

    def _show_deck(self, deck: Deck) -> None:
        s = deck.settings
        shown, playing = self._shown_decks.get(deck.number, (None, False))
        if shown is s and playing == deck.playing:
            return
        self._shown_decks[deck.number] = s, deck.playing
        values: dict[str, tuple[Value, ...]] = {
            "prompt": values_of(s.prompts),
            "morph": (s.morph_beats,),
            "play": (int(deck.playing),),
            "gain": (s.gain_db,),
            "level": (level_of(s.gain_db),),
            "mute": (int(s.mute),),
            "solo": (int(s.solo),),
            "warp": (int(s.warp),),
            "temperature": (s.temperature,),
            "top_k": (s.top_k,),
            "guidance": (s.guidance,),
            "seed": (s.seed,),
        }
        for name, value in values.items():
            self._state.set(f"/deck/{deck.number}/{name}", *value)

    def _follow_beats(self, heard_sample: int) -> None:
        transport = self._session.transport
        beat = transport.beat_at(heard_sample)
        self.heard = Place(max(0.0, beat), transport.playing)
        bar, since = transport.meter.bar_at(beat)
        place = (bar + 1, floor(since + _EPSILON_BEATS) + 1)
        if not transport.playing or bar < 0:
            self._beat = None
        elif place != self._beat:
            self._beat = place
            self._feedback.event("/beat/str", "{}.{}".format(*place))
