"""One engine stream, placed on a deck's track.

The stream's chunks arrive in order, now and then with a lower start: the engine was steered and
made everything from there on anew. New material is held back until there is enough of it to be
safe, then replaces the old at once; the old plays until then, so a hand on a knob never makes a
gap. If the ear is already past the point where the new material begins, the two are crossed over
where the ear is.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

import numpy as np

from bridge.decks.track import FADE_S, Track
from engine.api import Audio, Chunk, Steering, StreamReader
from engine.errors import EngineLost

SAFE_S = 0.02
"""New material replaces old once so much of it lies ahead of the ear: the engine's next chunk
takes far less to come. A block that is larger is mixed at once, so it must be there."""

SOON_S = 0.05
"""Steering for later than this is not waited for: the engine makes it when it gets there."""


class Feed:
    """A stream whose frame 0 is heard at output sample `origin` (None: not decided yet)."""

    def __init__(
        self, reader: StreamReader, rate: int, hop: int, origin: int | None, block: int
    ) -> None:
        """`block`: how many samples are mixed at a time."""
        self.origin = origin
        self._reader = reader
        self._hop = hop
        self._safe_samples = max(round(SAFE_S * rate), block + round(FADE_S * rate))
        self._parts: list[Audio] = []
        self._start = 0
        """Stream sample at which the held parts begin."""
        self._end = 0
        self._joined = False
        self._asked_epoch = 0
        """Of the newest steering that is to be heard soon."""
        self._obeyed_epoch = 0
        self._soon_samples = round(SOON_S * rate)
        self._now = 0

    @property
    def stream(self) -> int:
        """The engine's number for it."""
        return self._reader.stream

    @property
    def settled(self) -> bool:
        """Whether all that was steered for now is in what will be heard."""
        return self._obeyed_epoch >= self._asked_epoch and not (self._parts and self._joined)

    def steer(self, at: int, steering: Steering) -> None:
        """`steering` holds from output sample `at` on (stream start while undecided).

        Of a dead engine nothing is asked: it is missed in a moment, and its heir told everything.
        """
        frame = 0 if self.origin is None else max(0, (at - self.origin) // self._hop)
        try:
            epoch = self._reader.steer(frame, steering)
        except EngineLost:
            return
        if self.origin is None or at <= self._now + self._soon_samples:
            self._asked_epoch = epoch

    def ready(self, now: int) -> bool:
        """Whether it could be heard at `now`, or where it begins if that is later."""
        begin = 0 if self.origin is None else max(0, now - self.origin)
        return self._end >= begin + self._safe_samples and self._start <= begin

    def pump(self, now: int) -> None:
        """Take in what the engine has made. `now`: the next output sample to be mixed."""
        self._now = now
        if self.origin is not None:
            self._reader.heard(max(0, now - self.origin) // self._hop)
        while (chunk := self._reader.read()) is not None:
            self._hold(chunk)

    def _hold(self, chunk: Chunk) -> None:
        start = chunk.start * self._hop
        if start != self._end:
            self._cut_held(start)
        self._parts.append(chunk.audio)
        self._end = start + len(chunk.audio)
        self._obeyed_epoch = chunk.epoch

    def _cut_held(self, start: int) -> None:
        """Drop what is held from stream sample `start` on."""
        if not self._parts or start <= self._start:
            self._parts = []
            self._start = start
        else:
            kept = np.concatenate(self._parts)[: start - self._start]
            self._parts = [kept]

    def lay(self, track: Track, now: int) -> None:
        """Move what is held onto the track, where that is safe."""
        if self.origin is None or not self._parts:
            return
        at, end = self.origin + self._start, self.origin + self._end
        if self._joined and at == track.end and not track.looping:
            self._put(track, at, fade=False)
        elif end >= max(at, now) + self._safe_samples:
            self._put(track, max(at, now), fade=at < now or not self._joined or track.looping)

    def _put(self, track: Track, at: int, *, fade: bool) -> None:
        audio = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        assert self.origin is not None
        track.write(at, audio[at - self.origin - self._start :], fade=fade)
        self._parts = []
        self._start = self._end
        self._joined = True

    def close(self) -> None:
        self._reader.close()
