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
from bridge.decks.pace import filling_s, pace_of
from bridge.decks.placing import Placing, Straight
from bridge.decks.settings import Change, Settings
from bridge.decks.words import Words
from bridge.time.grid import next_line
from bridge.time.tempo import Anchor, TempoMap, timing_of
from bridge.time.transport import Transport
from bridge.warp.live import Locks
from engine.api import EngineHandle, EngineInfo, Recording, Steering, Timing
from engine.errors import EngineError

PATIENCE_S = 1.0
"""A launch waits so long for a deck that is not ready, then goes without it."""

LOST_S = 1.0
"""A stream that lags behind the ear by so much, and by more than a bar, is given up."""

MEMORY_S = 10.0
"""What a deck's new stream hears of its old one. All that an engine listens to (`RECORDING_S`)
would keep this thread from the sound for too long: 10 s are 4 MB, sent in 1 ms."""


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

    def __init__(self, transport: Transport, decks: dict[int, Deck], locks: Locks) -> None:
        self.waiting: list[Launch] = []
        self.engine: EngineHandle | None = None
        self.block = 0
        """How many samples are mixed at a time."""
        self.words = Words()
        """What goes with every prompt."""
        self._transport = transport
        self._decks = decks
        self._locks = locks

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
                    self._make_ready(deck, settings[number], launch, change.opening)
                elif change.steers:
                    self.steer(deck, settings[number], launch.sample)
        for number in idle:
            self._decks[number].cancel_coming()

    def _make_ready(
        self, deck: Deck, settings: Settings, launch: Launch, opening: Recording | None
    ) -> None:
        """Have the deck's next feed begin with the launch."""
        origin = launch.sample if launch.start_beat is None else None
        if launch.start_beat is None:
            tempo = self._transport.map
            timing = self._timing(launch.sample, launch.sample)
        else:
            anchor = Anchor(0, launch.start_beat, self._transport.bpm)
            tempo = TempoMap(self._transport.rate, anchor)
            timing = timing_of(anchor, self._transport.meter, 0)
        steering = self._steering(settings, timing)
        if deck.coming is not None and self._serves(deck.coming, origin, opening):
            deck.coming.origin = origin
            deck.coming.steer(origin or 0, steering)
        else:
            deck.cancel_coming()
            deck.coming = self._open(steering, origin, opening)
        if deck.coming is not None:
            deck.coming.retime(origin or 0, tempo, self._transport.meter)
        self._tell(deck.coming, settings, self._transport.map.changes_after(launch.sample))

    def _serves(self, feed: Feed, origin: int | None, opening: Recording | None) -> bool:
        """Whether a stream that is ready already may begin at `origin`: one that keeps no time is
        as good there, and may have taken long to get ready."""
        moves = self.engine is not None and not self.engine.info.keeps_time
        return feed.opening is opening and (moves or feed.origin == origin)

    def reopen(self, deck: Deck, now: int) -> None:
        """Give a deck that has lost its stream another, from `now` on."""
        steering = self._steering(deck.settings, self._timing(now, now))
        deck.feed = self._open(steering, now, self.memory(deck, now))
        if deck.feed is not None:
            deck.feed.retime(now, self._transport.map, self._transport.meter)
        self._tell(deck.feed, deck.settings, self._transport.map.changes_after(now))

    def rejoin_late(self, now: int) -> None:
        """Have each deck whose stream has fallen far behind the ear begin another.

        What such a stream makes is not heard any more, and at the pace of a slow engine it would
        hardly ever catch up. So the deck loops until there is enough of a new one.
        """
        playing = sum(deck.sounding for deck in self._decks.values())
        bar_s = self._transport.meter.beats_per_bar * 60.0 / self._transport.map.at(now).bpm
        lost_samples = max(LOST_S, bar_s) * self._transport.rate
        for deck in self._decks.values():
            if deck.sounding and deck.coming is None and deck.behind(now) > lost_samples:
                self._rejoin(deck, now, pace_of(self.engine, playing))

    def _rejoin(self, deck: Deck, now: int, pace: float) -> None:
        """On the first bar line by which an engine of that pace has got well ahead."""
        deck.give_up()
        at = now + round(filling_s(LOOKAHEAD_S, pace) * self._transport.rate)
        beat = next_line(self._transport.beat_at(at), "bar", self._transport.meter)
        sample = self._transport.sample_at(beat)
        change = Change(reset=True, opening=self.memory(deck, sample))
        self.add(Launch({deck.number: change}, sample, grid="bar", beat=beat, punctual=False))

    def memory(self, deck: Deck, at: int) -> Recording | None:
        """What a new stream of a playing deck can go on from at `at`, if the engine can do that.

        The deck's own last bars, cut so that their end and `at` are the same place in a bar.
        """
        if self.engine is None or not self.engine.info.continues:
            return None
        audio = deck.track.phrase_before(
            at, round(MEMORY_S * self._transport.rate), self._transport
        )
        return Recording(audio, self._transport.rate) if len(audio) else None

    def steer(self, deck: Deck, settings: Settings, at: int) -> None:
        """Tell a deck's running stream that `settings` hold from output sample `at` on."""
        if deck.sounding:
            self._tell(deck.feed, settings, [at, *self._transport.map.changes_after(at)])

    def bend(self, deck: Deck, at: int) -> None:
        """From output sample `at` on the transport is another, and the running stream follows.

        An engine that keeps time makes it anew. Of another the music is bent at once, and what it
        makes next is asked for at the new tempo: nothing that is there already need be lost. Where
        there is no beat to bend, the words of the prompt are all that can change.
        """
        if not deck.sounding or deck.feed is None or self.engine is None:
            return
        if self.engine.info.keeps_time:
            self.steer(deck, deck.settings, at)
            return
        deck.feed.retime(at, self._transport.map, self._transport.meter)
        timing = replace(self._timing(at, deck.feed.origin or 0), bpm=self._transport.bpm)
        steering = self._steering(deck.settings, timing)
        if deck.lock == "locked":
            deck.feed.steer_on(steering)
        else:
            deck.feed.steer(at, steering)

    def _tell(self, feed: Feed | None, settings: Settings, samples: Iterable[int]) -> None:
        """Each steering drops what was to come after it, so every change of tempo is told again."""
        if feed is None or feed.origin is None:
            return
        hop = 1 if self.engine is None else self.engine.info.hop
        for at in samples:
            beat_samples = 60.0 * self._transport.rate / self._transport.map.at(at).bpm
            morph_frames = round(settings.morph_beats * beat_samples / hop)
            timing = self._timing(at, feed.origin)
            feed.steer(at, self._steering(settings, timing, morph_frames))

    def _steering(self, settings: Settings, timing: Timing, morph_frames: int = 0) -> Steering:
        return settings.steering(timing, self.words.at(timing.bpm), morph_frames)

    def _timing(self, at: int, origin: int) -> Timing:
        """Of output sample `at`, for a stream that begins at `origin`."""
        return timing_of(self._transport.map.at(at), self._transport.meter, origin)

    def _open(
        self, steering: Steering, origin: int | None, opening: Recording | None
    ) -> Feed | None:
        """A feed of the running engine, or None while there is none."""
        if self.engine is None:
            return None
        info = self.engine.info
        lookahead = round(LOOKAHEAD_S * info.rate / info.hop)
        try:
            reader = self.engine.open(steering, lookahead=lookahead, opening=opening)
        except EngineError:
            return None  # the engine's keeper has noticed, or will in a moment
        placing = self._placing(info, steering)
        return Feed(reader, placing, info, steering, origin, self.block, opening)

    def _placing(self, info: EngineInfo, steering: Steering) -> Placing:
        if info.keeps_time or steering.timing is None:
            return Straight(info.hop)
        return self._locks.open(info, steering.timing.bpm)


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
