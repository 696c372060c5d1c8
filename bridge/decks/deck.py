"""A deck: a player with a stream, a gain and a mute.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.audio.mixing import GainRamp, db_to_gain
from bridge.decks.feed import Feed
from bridge.decks.gate import Gate
from bridge.decks.hold import Hold
from bridge.decks.memory import SHORT_S, Memory
from bridge.decks.settings import Settings
from bridge.decks.track import FADE_S, Track
from bridge.time.transport import Transport
from engine.api import Audio

PANIC_FADE_S = 0.002
LOOKAHEAD_S = 2.0
"""How far ahead a stream is kept: a stall of the engine shorter than this is never heard."""


class Deck:
    """Plays one feed; `coming` is the next one, made ready for a launch."""

    def __init__(self, number: int, rate: int, remember_s: float = SHORT_S) -> None:
        self.number = number
        self.settings = Settings(seed=number)
        self.playing = False
        """Whether it was launched. It sounds while the transport plays, too."""
        self.feed: Feed | None = None
        self.coming: Feed | None = None
        self.track = Track(rate)
        self.memory = Memory(rate, remember_s)
        """What was heard of it, before gain and mute."""
        self._holds: list[Hold] = []
        """The newest is the last; those below it are being crossed over from."""
        self._rate = rate
        self._gate = Gate(round(FADE_S * rate))
        self._gain = GainRamp(round(FADE_S * rate))

    @property
    def sounding(self) -> bool:
        """Whether it is to be heard now (its fade-out does not count)."""
        return self._gate.opening

    @property
    def silent(self) -> bool:
        return self._gate.closed

    def provided(self, now: int) -> bool:
        """Whether the engine has delivered all that was asked of it for now and for a launch."""
        if self.coming is not None and not self.coming.ready(now):
            return False
        return self.feed is None or not self.sounding or self.feed.settled

    def ahead(self, now: int) -> int:
        """Samples that it could go on for if the engine made no more."""
        return max(self.track.end - now, 0 if self.feed is None else self.feed.ahead(now))

    def behind(self, now: int) -> int:
        """Samples by which the ear is past all that the running stream has made."""
        return 0 if self.feed is None else self.feed.behind(now)

    @property
    def pause_samples(self) -> int:
        """How long the engine may take for the next chunk, by how long it took for the last."""
        feeds = (self.feed, self.coming)
        return max(0 if feed is None else feed.pause_samples for feed in feeds)

    @property
    def lock(self) -> str:
        """How it lies on the grid, see `Placing.state`; `none` while nothing runs."""
        return "none" if self.feed is None else self.feed.lock

    @property
    def held(self) -> Hold | None:
        """The bars that go round; None if it plays on."""
        held = self._holds[-1] if self._holds else None
        return None if held is None or held.leaving else held

    def hold(self, hold: Hold) -> None:
        """Be heard as these bars from now on, until `go_on`."""
        self._holds.append(hold)

    def go_on(self) -> None:
        """Be heard as what the stream has come to meanwhile."""
        for hold in self._holds:
            hold.leave()

    def apply(self, values: dict[str, Any]) -> None:
        self.settings = replace(self.settings, **values)

    def audible(self, any_solo: bool) -> None:
        """Move the gain to what gain, mute and everyone's solo come to."""
        heard = not self.settings.mute and (self.settings.solo or not any_solo)
        gain = db_to_gain(self.settings.gain_db) if heard else 0.0
        if self.silent:
            self._gain.jump(gain)
        else:
            self._gain.target(gain)

    def start(self, now: int) -> None:
        """Be heard from output sample `now` on: the coming feed takes over."""
        if self.silent:
            self.track.begin(now)
        self._take_over(now)
        self._gate.open()

    def reset(self, now: int) -> None:
        """Exchange the running feed for the coming one."""
        self._take_over(now)

    def _take_over(self, now: int) -> None:
        if self.coming is None:
            return
        self._drop(self.feed)
        self.feed, self.coming = self.coming, None
        if self.feed.origin is None:
            self.feed.origin = now
        self.feed.lay(self.track, now)

    def silence(self, *, at_once: bool = False) -> None:
        """Fade out; the feed ends when that is done."""
        if not self._gate.closed:
            self._gate.close(round(PANIC_FADE_S * self._rate) if at_once else None)
        self.cancel_coming()

    def cancel_coming(self) -> None:
        self._drop(self.coming)
        self.coming = None

    def lose_engine(self) -> None:
        """The engine is gone: what is on the track plays on, and loops."""
        self.give_up()
        self.cancel_coming()

    def give_up(self) -> None:
        """End the running feed: what is on the track plays on, and loops."""
        self._drop(self.feed)
        self.feed = None

    def pump(self, now: int) -> None:
        """Take in what the engine has made, and end a feed that has faded out."""
        if self.feed is not None and self.silent:
            self._drop(self.feed)
            self.feed = None
        if self.feed is not None:
            self.feed.switch(self.settings.warp)
            self.feed.pump(now)
            self.feed.lay(self.track, now)
        if self.coming is not None:
            self.coming.switch(self.settings.warp)
            self.coming.pump(now)

    def rest(self, until: int) -> None:
        """Nothing is heard of it before output sample `until`."""
        self._holds = []
        self.memory.rest(until)

    def read(self, n: int, now: int, transport: Transport) -> Audio:
        """Output samples `now .. now + n` behind its fader, float32 `[n, 2]`."""
        margin = now + n + self.track.fade_samples
        if self.track.end < margin and self.sounding:
            self.track.loop_until(margin, transport)
        audio = self._held(self.track.read(now, n), now, transport)
        self.memory.write(now, audio)
        return self._gain.apply(self._gate.apply(audio))

    def _held(self, audio: Audio, now: int, transport: Transport) -> Audio:
        for hold in self._holds:
            audio = hold.over(audio, now, transport.map)
        self._holds = [hold for hold in self._holds if not hold.gone]
        if self._holds and self._holds[-1].entered:
            del self._holds[:-1]
        return audio

    @staticmethod
    def _drop(feed: Feed | None) -> None:
        if feed is not None:
            feed.close()
