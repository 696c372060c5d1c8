"""Launches: changes that wait for a line of the grid, or for the engine to be ready.

Everything of one launch happens on the same output sample. What a launch needs is prepared as
soon as it is asked for: streams are opened for decks that will start, and decks that play on are
steered from the launch's sample on, so that nothing is left to do when it is due.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bridge.decks.deck import LOOKAHEAD_S, Deck
from bridge.decks.feed import Feed
from bridge.decks.settings import Change, Settings
from bridge.time.grid import next_line
from bridge.time.tempo import Anchor, timing_of
from bridge.time.transport import Transport
from engine.api import EngineHandle, Steering, Timing
from engine.errors import EngineError

PATIENCE_S = 1.0
"""A launch waits so long for a deck that is not ready, then goes without it."""


@dataclass(slots=True)
class Launch:
    """Changes to decks, due at `sample`."""

    changes: dict[int, Change]
    """By deck number."""
    sample: int
    address: str = ""
    """What asked for it, for reports of lateness."""
    grid: str = "none"
    beat: float | None = None
    """The line of the grid it waits for; None: due at `sample`, whatever the tempo does."""
    start_beat: float | None = None
    """Where the transport starts with it, if it stands still."""
    punctual: bool = True
    """Whether lateness is worth a report: not if it was due as soon as could be."""


class Launcher:
    """The launches that wait, and the engine's side of them."""

    def __init__(self, transport: Transport, decks: dict[int, Deck]) -> None:
        self.waiting: list[Launch] = []
        self.engine: EngineHandle | None = None
        self.block = 0
        """How many samples are mixed at a time."""
        self._transport = transport
        self._decks = decks

    def add(self, launch: Launch) -> None:
        """Take a launch in; newer words for a deck complete or replace older ones."""
        for other in list(self.waiting):
            if _together(other, launch):
                launch.changes = _merged(other.changes, launch.changes)
                self.waiting.remove(other)
            else:
                _give_way(other, launch)
                if not other.changes and other.start_beat is None:
                    self.waiting.remove(other)
        self.waiting.append(launch)
        self.prepare_again(launch.changes)

    def take_due(self, now: int) -> Launch | None:
        """Take out the first launch that can begin with output sample `now`."""
        due = (launch for launch in self.waiting if self._is_due(launch, now))
        launch = min(due, key=lambda w: w.sample, default=None)
        if launch is not None:
            self.waiting.remove(launch)
        return launch

    def _is_due(self, launch: Launch, now: int) -> bool:
        if now < launch.sample:
            return False
        if now - launch.sample > PATIENCE_S * self._transport.rate:
            return True
        return all(_is_ready(self._decks[n], c, now) for n, c in launch.changes.items())

    def next_sample(self, now: int) -> int | None:
        """The first sample after `now` at which a launch may be due."""
        return min((w.sample for w in self.waiting if w.sample > now), default=None)

    def starts_before(self, sample: int) -> bool:
        """Whether the transport waits to be started before `sample`."""
        return any(w.start_beat is not None and w.sample < sample for w in self.waiting)

    def armed(self, number: int) -> Change | None:
        """What waits for this deck."""
        return next((w.changes[number] for w in self.waiting if number in w.changes), None)

    def cancel(self) -> None:
        """Drop everything that waits."""
        self.waiting.clear()
        for deck in self._decks.values():
            deck.cancel_coming()

    def retime(self, since: int, *, moved: bool = False) -> None:
        """From sample `since` on the tempo, or (`moved`) the position or metre is another: the
        lines after it lie elsewhere now."""
        for launch in self.waiting:
            if launch.beat is not None and launch.sample > since:
                if moved:
                    here = self._transport.beat_at(since)
                    launch.beat = next_line(here, launch.grid, self._transport.meter)
                launch.sample = max(since, self._transport.sample_at(launch.beat))
        self.prepare_again()

    def prepare_again(self, numbers: Iterable[int] | None = None) -> None:
        """Prepare all that waits (for these decks), in the order in which it will come."""
        chosen = set(self._decks if numbers is None else numbers)
        settings = {number: self._decks[number].settings for number in chosen}
        idle = set(chosen)
        for launch in sorted(self.waiting, key=lambda w: w.sample):
            for number in chosen & launch.changes.keys():
                deck, change = self._decks[number], launch.changes[number]
                settings[number] = replace(settings[number], **change.settings)
                if _needs_feed(deck, change):
                    idle.discard(number)
                    self._make_ready(deck, settings[number], launch)
                elif change.steers:
                    self.steer(deck, settings[number], launch.sample)
        for number in idle:
            self._decks[number].cancel_coming()

    def _make_ready(self, deck: Deck, settings: Settings, launch: Launch) -> None:
        """Have the deck's next feed begin with the launch."""
        origin = launch.sample if launch.start_beat is None else None
        if launch.start_beat is None:
            timing = self._timing(launch.sample, launch.sample)
        else:
            anchor = Anchor(0, launch.start_beat, self._transport.bpm)
            timing = timing_of(anchor, self._transport.meter, 0)
        if deck.coming is not None and deck.coming.origin == origin:
            deck.coming.steer(origin or 0, settings.steering(timing))
        else:
            deck.cancel_coming()
            deck.coming = self._open(settings.steering(timing), origin)
        self._tell(deck.coming, settings, self._transport.map.changes_after(launch.sample))

    def reopen(self, deck: Deck, now: int) -> None:
        """Give a deck that has lost its stream another, from `now` on."""
        deck.feed = self._open(deck.settings.steering(self._timing(now, now)), now)
        self._tell(deck.feed, deck.settings, self._transport.map.changes_after(now))

    def steer(self, deck: Deck, settings: Settings, at: int) -> None:
        """Tell a deck's running stream that `settings` hold from output sample `at` on."""
        if deck.sounding:
            self._tell(deck.feed, settings, [at, *self._transport.map.changes_after(at)])

    def _tell(self, feed: Feed | None, settings: Settings, samples: Iterable[int]) -> None:
        """Each steering drops what was to come after it, so every change of tempo is told again."""
        if feed is None or feed.origin is None:
            return
        hop = 1 if self.engine is None else self.engine.info.hop
        for at in samples:
            beat_samples = 60.0 * self._transport.rate / self._transport.map.at(at).bpm
            morph_frames = round(settings.morph_beats * beat_samples / hop)
            feed.steer(at, settings.steering(self._timing(at, feed.origin), morph_frames))

    def _timing(self, at: int, origin: int) -> Timing:
        """Of output sample `at`, for a stream that begins at `origin`."""
        return timing_of(self._transport.map.at(at), self._transport.meter, origin)

    def _open(self, steering: Steering, origin: int | None) -> Feed | None:
        """A feed of the running engine, or None while there is none."""
        if self.engine is None:
            return None
        info = self.engine.info
        try:
            reader = self.engine.open(steering, lookahead=round(LOOKAHEAD_S * info.rate / info.hop))
        except EngineError:
            return None  # the engine's keeper has noticed, or will in a moment
        return Feed(reader, info.rate, info.hop, origin, self.block)


def _needs_feed(deck: Deck, change: Change) -> bool:
    """Whether the change brings a stream that is not running yet."""
    return change.reset if deck.sounding else bool(change.play)


def _is_ready(deck: Deck, change: Change, now: int) -> bool:
    if not _needs_feed(deck, change):
        return True
    return deck.coming is not None and deck.coming.ready(now)


def _together(a: Launch, b: Launch) -> bool:
    """Whether two launches are due on the same sample, whatever happens until then."""
    if a.start_beat is not None or b.start_beat is not None:
        return a.start_beat is not None and b.start_beat is not None
    return (a.beat, a.sample) == (b.beat, b.sample)


def _merged(older: dict[int, Change], newer: dict[int, Change]) -> dict[int, Change]:
    none = Change()
    return {n: older.get(n, none).then(newer.get(n, none)) for n in older.keys() | newer.keys()}


def _give_way(older: Launch, newer: Launch) -> None:
    """Take out of `older` what `newer` has the last word on."""
    for number in older.changes.keys() & newer.changes.keys():
        left = older.changes[number].without(newer.changes[number])
        older.changes[number] = left
        if left.empty:
            del older.changes[number]
