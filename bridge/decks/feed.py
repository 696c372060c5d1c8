"""One engine stream, placed on a deck's track.

The stream's chunks arrive in order, now and then with a lower start: the engine was steered and
made everything from there on anew. New material is held back until there is enough of it to be
safe, then replaces the old at once; the old plays until then, so a hand on a knob never makes a
gap. If the ear is already past the point where the new material begins, the two are crossed over
where the ear is.

How much is enough depends on the engine: one that works in slices of 20 ms and is hardly faster
than the ear brings its chunks far apart, and must have the next one ready before the last is over.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.decks.placing import Placed, Placing
from bridge.decks.track import FADE_S, Track
from bridge.time.tempo import Meter, TempoMap
from engine.api import Audio, EngineInfo, Recording, Steering, StreamReader
from engine.errors import EngineLost

SAFE_S = 0.02
"""New material replaces old once so much of it lies ahead of the ear: the engine's next chunk
takes far less to come. A block that is larger is mixed at once, so it must be there."""

SOON_S = 0.05
"""Steering for later than this is not waited for: the engine makes it when it gets there."""


class Feed:
    """A stream that begins to be heard at output sample `origin` (None: not decided yet)."""

    def __init__(
        self,
        reader: StreamReader,
        placing: Placing,
        info: EngineInfo,
        steering: Steering,
        origin: int | None,
        block: int,
        opening: Recording | None = None,
    ) -> None:
        """`steering` and `opening` are what the stream was opened with; `block`: how many samples
        are mixed at a time."""
        self.origin = origin
        self.opening = opening
        self._reader = reader
        self._placing = placing
        self._hop = info.hop
        self._keeps_time = info.keeps_time
        self._bare_samples = block + round(FADE_S * info.rate)
        self._safe_samples = max(round(SAFE_S * info.rate), self._bare_samples)
        self._parts: list[Audio] = []
        self._start = 0
        """Samples after the origin at which the held parts begin."""
        self._end = 0
        self._joined = False
        self._made_frame = 0
        """Where the newest chunk of the stream ends."""
        self._told = 0, steering
        """The frame of the newest steering, and that."""
        self._asked_epoch = 0
        """Of the newest steering that is to be heard soon."""
        self._obeyed_epoch = 0
        self._soon_samples = round(SOON_S * info.rate)
        self._now = 0
        self._arrived: int | None = None
        """When the newest chunk came, or the stream was told to make it anew."""
        self._chunk_samples = 0
        self.pause_samples = 0
        """How long the next chunk may take to come."""

    @property
    def stream(self) -> int:
        """The engine's number for it."""
        return self._reader.stream

    @property
    def settled(self) -> bool:
        """Whether all that was steered for now is in what will be heard."""
        return self._obeyed_epoch >= self._asked_epoch and not (self._parts and self._joined)

    @property
    def joined(self) -> bool:
        """Whether any of it has come onto the track."""
        return self._joined

    def behind(self, now: int) -> int:
        """Samples by which the ear is past all that the stream has made; 0 if it is not."""
        return 0 if self.origin is None else max(0, now - self.origin - self._end)

    def ahead(self, now: int) -> int:
        """Samples of the stream that are there and not heard yet."""
        if self.origin is None:
            return 0
        heard = self._placing.frame_at(max(0, now - self.origin))
        return max(0, (self._made_frame - heard) * self._hop)

    def steer(self, at: int, steering: Steering) -> None:
        """`steering` holds from output sample `at` on (stream start while undecided)."""
        frame = 0 if self.origin is None else self._placing.frame_at(max(0, at - self.origin))
        epoch = self._tell(frame, steering)
        if epoch is None:
            return
        self._arrived, self.pause_samples = self._now, 0
        if self.origin is None or at <= self._now + self._soon_samples:
            self._asked_epoch = epoch

    def steer_on(self, steering: Steering) -> None:
        """`steering` holds for what the stream makes next: nothing that is there is made anew."""
        self._tell(self._made_frame, steering)

    def _tell(self, frame: int, steering: Steering) -> int | None:
        """Returns the epoch; None where the stream does it already.

        Of a dead engine nothing is asked: it is missed in a moment, and its heir told everything.
        """
        if self._holds(frame, steering):
            return None
        try:
            epoch = self._reader.steer(frame, steering)
        except EngineLost:
            return None
        self._told = frame, steering
        if steering.timing is not None:
            self._placing.expect(steering.timing.bpm)
        return epoch

    def retime(self, at: int, tempo: TempoMap, meter: Meter) -> None:
        """From output sample `at` on the transport is another. While the origin is undecided,
        `tempo` counts from there."""
        origin = self.origin or 0
        self._placing.retime(max(0, at - origin), tempo.shifted(-origin), meter)

    def switch(self, on: bool) -> None:
        """Whether it is to be kept on the grid."""
        self._placing.switch(on)

    @property
    def lock(self) -> str:
        """How it lies on the grid, see `Placing.state`."""
        return self._placing.state

    def _holds(self, frame: int, steering: Steering) -> bool:
        """Whether the stream does all this from `frame` on already.

        An engine that keeps no time plays the same at another beat; made anew, what lies ahead
        would only be lost.
        """
        since, told = self._told
        return not self._keeps_time and since <= frame and _timeless(told) == _timeless(steering)

    def ready(self, now: int) -> bool:
        """Whether it could be heard at `now`, or where it begins if that is later."""
        begin = 0 if self.origin is None else max(0, now - self.origin)
        return self._end >= begin + self._enough_samples and self._start <= begin

    @property
    def _enough_samples(self) -> int:
        """How much must lie ahead of the ear for material to be safe."""
        return max(self._safe_samples, self.pause_samples + self._bare_samples)

    def pump(self, now: int) -> None:
        """Take in what the engine has made. `now`: the next output sample to be mixed."""
        self._now = now
        if self.origin is not None:
            self._placing.heard(now - self.origin)
            self._reader.heard(self._placing.frame_at(max(0, now - self.origin)))
        while (chunk := self._reader.read()) is not None:
            self._expect_next(len(chunk.audio))
            self._made_frame = chunk.start + len(chunk.audio) // self._hop
            self._placing.take(chunk)
        for placed in self._placing.placed():
            self._hold(placed)

    def _hold(self, placed: Placed) -> None:
        if placed.offset != self._end:
            self._cut_held(placed.offset)
        self._parts.append(placed.audio)
        self._end = placed.offset + len(placed.audio)
        self._obeyed_epoch = placed.epoch

    def _expect_next(self, samples: int) -> None:
        """Of a chunk of `samples`: the next one takes a little longer, or twice as long while
        they grow."""
        took = 0 if self._arrived is None else self._now - self._arrived
        growing = 0 < self._chunk_samples < samples
        self.pause_samples = 2 * took if growing else took + took // 4
        self._arrived, self._chunk_samples = self._now, samples

    def _cut_held(self, start: int) -> None:
        """Drop what is held from `start` on, in samples after the origin."""
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
        elif end >= max(at, now) + self._needed_samples(track, end):
            self._put(track, max(at, now), fade=at < now or not self._joined or track.looping)

    def _needed_samples(self, track: Track, end: int) -> int:
        """How much must lie ahead to take the place of what is on the track: to give up what
        reaches as far, less is enough."""
        lasts = track.end > end or track.looping
        return self._enough_samples if lasts else self._safe_samples

    def _put(self, track: Track, at: int, *, fade: bool) -> None:
        audio = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        assert self.origin is not None
        track.write(at, audio[at - self.origin - self._start :], fade=fade)
        self._parts = []
        self._start = self._end
        self._joined = True

    def close(self) -> None:
        self._reader.close()
        self._placing.close()


def _timeless(steering: Steering) -> Steering:
    return replace(steering, timing=None, morph_frames=0)
