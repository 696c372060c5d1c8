"""What is handed to whoever looks at the music: blocks as they are mixed, and copies of what the
decks have made ahead of the ear.

Threading: `turn` is the conductor's; `open`, `close` and `take` belong to the one thread that
looks. While nobody does, nothing is handed over, and a turn costs one look at a flag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bridge.audio.ears import Ears
from bridge.clocks.line import Device
from bridge.decks.deck import Deck
from bridge.session import Session
from bridge.time.tempo import Anchor, Meter
from engine.api import Audio

HZ = 30.0
"""How often what lies ahead is looked at."""
COLUMN_S = 0.02
"""A column of a waveform: two or three of them come with each look."""

_MOST_S = 0.5
"""Of a deck copied in one turn (about 30 µs); more follows in the next."""
_LATEST_ANCHORS = 12
"""Of the tempo map: a knob that turns makes hundreds, and bar lines need no more of them."""
_MAX_BLOCKS = 512
_MAX_SIGHTS = 8
"""That may wait; one who looks away so long misses blocks, but nothing of what lies ahead."""


@dataclass(frozen=True, slots=True)
class DeckSight:
    """One deck, and what was laid on its track since the last sight."""

    number: int
    sounding: bool
    held: bool
    """Whether it is heard as bars that go round, whatever lies ahead of it."""
    end: int
    """The first sample that is not made yet."""
    headroom_samples: int
    at: int
    """The first sample of `laid`, at the begin of a column."""
    laid: Audio
    """float32 `[n, channels]`, before the fader."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The session at one moment."""

    device: Device
    """Which sample is taken when."""
    latency_samples: int
    """From there to the ear."""
    playing: bool
    stopped: int
    """The sample at which the transport last stopped."""
    meter: Meter
    anchors: tuple[Anchor, ...]
    decks: tuple[DeckSight, ...]


class Lookout:
    def __init__(self, session: Session, ears: Ears) -> None:
        self.rate = session.rate
        self.decks = tuple(session.decks)
        self.column_samples = round(COLUMN_S * session.rate)
        self._session = session
        self._ears = ears
        self._deafen: Callable[[], None] | None = None
        self._open = False
        self._looked_s = 0.0
        self._blocks: deque[tuple[int, Audio]] = deque(maxlen=_MAX_BLOCKS)
        self._sights: deque[Sight] = deque()

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        """Have blocks and sights handed over, until `close`."""
        if self._open:
            return
        self._blocks.clear()
        self._sights.clear()
        self._deafen = self._ears.add(lambda at, audio: self._blocks.append((at, audio)))
        self._open = True

    def close(self) -> None:
        """Safe to call twice."""
        self._open = False
        if self._deafen is not None:
            self._deafen()
            self._deafen = None

    def take(self) -> tuple[list[tuple[int, Audio]], list[Sight]]:
        """What was handed over since the last call: the blocks, float32 `[n, 2 + 2 * decks]` with
        their first samples, and the sights."""
        blocks = [self._blocks.popleft() for _ in range(len(self._blocks))]
        return blocks, [self._sights.popleft() for _ in range(len(self._sights))]

    def turn(self, device: Device, latency_s: float, now_s: float) -> None:
        """At the end of every turn of the conductor."""
        if not self._open or now_s - self._looked_s < 1.0 / HZ or len(self._sights) >= _MAX_SIGHTS:
            return
        self._looked_s = now_s
        session, transport = self._session, self._session.transport
        decks = tuple(self._sight_of(deck) for deck in session.decks.values())
        self._sights.append(Sight(
            device, round(latency_s * self.rate), transport.playing, session.stopped,
            transport.meter, transport.map.anchors[-_LATEST_ANCHORS:], decks,
        ))  # fmt: skip

    def _sight_of(self, deck: Deck) -> DeckSight:
        now, most = self._session.now, round(_MOST_S * self.rate)
        at, laid = deck.track.newly_laid(now, self.column_samples, most)
        sounding = deck.sounding
        headroom = max(0, deck.ahead(now)) if sounding else 0
        held, end = deck.held is not None, deck.track.end
        return DeckSight(deck.number, sounding, held, end, headroom, at, laid)
