"""The tempo lock of decks while they play.

The work is done a little ahead of the ear: what the lock has settled up to `AHEAD_S`, and what the
ear needs within `NEAR_S` in any case, by what is known then.

Threading: a `LiveLock` is a `bridge.decks.placing.Placing` and is called on the conductor's thread.
One thread, `tempo-lock`, does the work of all of them, and hands what holds the interpreter on to a
process (`bridge.warp.outside`). Between the two go queues, and a course that is never changed, only
replaced. Without threads (offline, in tests) the same work is done when its result is asked for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

from bridge.audio.line import AudioLine
from bridge.audio.mixing import crossfade
from bridge.decks.placing import Placed, stereo
from bridge.time.tempo import Anchor, Meter, TempoMap
from bridge.warp.lock import Cut, TempoLock
from bridge.warp.outside import Outside
from bridge.warp.stretch import cut
from engine.api import Chunk, EngineInfo

AHEAD_S = 1.0
"""Stretched ahead of the ear: all that is would be stretched again at each change of tempo. What is
left alone goes out at once."""
NEAR_S = 0.25
"""Rendered by what is known: a turn of this thread and the stretching take a tenth of it."""
_FADE_S = 0.005
_KEPT_S = 4.0
_POLL_S = 0.01

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Retime:
    offset: int
    tempo: TempoMap
    meter: Meter


@dataclass(frozen=True, slots=True)
class _Expect:
    bpm: float


@dataclass(frozen=True, slots=True)
class _Switch:
    on: bool


@dataclass(frozen=True, slots=True)
class _Course:
    """Which sample of the stream is heard where: a straight line through the ear."""

    offset: int = 0
    source: float = 0.0
    ratio: float = 1.0
    """Source samples for one of output."""

    def source_at(self, offset: int) -> float:
        return self.source + (offset - self.offset) * self.ratio


class LiveLock:
    """One stream, kept on the transport's grid."""

    def __init__(self, locks: Locks, info: EngineInfo, bpm: float) -> None:
        self._locks = locks
        self._info = info
        self._bpm = bpm
        self._inbox: deque[Chunk | _Retime | _Expect | _Switch] = deque()
        self._outbox: deque[Placed] = deque()
        self._told: tuple[tuple[Anchor, ...], Meter] | None = None
        self._ear: int | None = None
        """Where it is; None while the origin is undecided."""
        self._on = True
        self.state = "waiting"
        self._course = _Course()
        # From here on the worker's own.
        self._lock: TempoLock | None = None
        self._tempo: TempoMap | None = None
        self._epoch = 0
        self._broken = False
        self._given = AudioLine(round(_KEPT_S * info.rate), 2)

    # The conductor's side

    def take(self, chunk: Chunk) -> None:
        self._inbox.append(chunk)
        self._locks.wake()

    def placed(self) -> Iterator[Placed]:
        self._locks.work_now()
        while self._outbox:
            yield self._outbox.popleft()

    def frame_at(self, offset: int) -> int:
        return max(0, floor(self._course.source_at(offset)) // self._info.hop)

    def retime(self, offset: int, tempo: TempoMap, meter: Meter) -> None:
        told = tempo.anchors, meter
        if told == self._told:
            return
        self._told = told
        self._inbox.append(_Retime(offset, tempo, meter))
        self._locks.wake()

    def expect(self, bpm: float) -> None:
        self._inbox.append(_Expect(bpm))

    def switch(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            self._inbox.append(_Switch(on))
            self._locks.wake()

    def heard(self, offset: int) -> None:
        self._ear = offset

    def close(self) -> None:
        self._locks.remove(self)

    # The worker's side

    def work(self) -> None:
        """Take in what has come, and render what is wanted."""
        while self._inbox:
            self._obey(self._inbox.popleft())
        if self._lock is None or self._tempo is None:
            return
        while self._render_next(self._lock, self._tempo):
            pass
        self.state = self._lock.state if self._lock.active else "off"
        self._course = self._course_of(self._lock)

    def give_in(self) -> bool:
        """Leave the stream alone from now on; False if that has been tried."""
        tried, self._broken = self._broken, True
        if self._lock is not None:
            self._lock.active = False
        return not tried

    def _obey(self, message: Chunk | _Retime | _Expect | _Switch) -> None:
        if isinstance(message, _Retime):
            self._retime(message)
        elif self._lock is None:
            raise AssertionError("a feed is told its transport first")
        elif isinstance(message, Chunk):
            self._feed(self._lock, message)
        elif isinstance(message, _Expect):
            self._lock.expect(message.bpm)
        else:
            self._lock.active = message.on and not self._broken
            self._lock.bend(self._soon(self._lock))

    def _retime(self, message: _Retime) -> None:
        self._tempo = message.tempo
        if self._lock is None:
            beats = message.meter.beats_per_bar
            self._lock = TempoLock(self._info.rate, 2, self._bpm, beats, self._locks.cutting)
            self._lock.active = self._on
            self._lock.realigns = True
            self._lock.start(0, message.tempo, message.meter)
        elif self._ear is None or self._ear < 0:
            self._lock.start(0, message.tempo, message.meter)
        else:
            self._lock.meter = message.meter
            self._lock.bend(max(message.offset, 0))

    def _feed(self, lock: TempoLock, chunk: Chunk) -> None:
        start = chunk.start * self._info.hop
        if start < lock.fed:
            lock.rewind(start)
        lock.feed(stereo(chunk.audio))
        self._epoch = chunk.epoch

    def _soon(self, lock: TempoLock) -> int:
        return min(lock.position, max(0, self._ear or 0))

    def _render_next(self, lock: TempoLock, tempo: TempoMap) -> bool:
        """The next piece, if it is wanted and can be had."""
        ear = max(0, self._ear or 0)
        rate = self._info.rate
        until = ear + round((AHEAD_S if lock.state == "locked" else _KEPT_S / 2) * rate)
        started = self._ear is None or self._ear > -round(NEAR_S * rate)
        near = started and lock.position < ear + round(NEAR_S * rate)
        at = lock.position
        audio = lock.render(until, tempo, force=near)
        if audio is None or not len(audio):
            return False
        if at < self._given.end:
            n = min(len(audio), self._given.end - at, round(_FADE_S * rate))
            audio[:n] = crossfade(self._given.read(at, n), audio[:n])
            self._given.forget(at)
        self._given.write(at, audio)
        self._outbox.append(Placed(at, self._epoch, audio))
        return True

    def _course_of(self, lock: TempoLock) -> _Course:
        ear = max(0, self._ear or 0)
        here = lock.source_at(ear)
        return _Course(ear, here, lock.source_at(ear + 1) - here)


class Locks:
    """The locks of all decks, and who does their work."""

    def __init__(self, *, threaded: bool = False) -> None:
        """Without a thread the work is done, here, when its result is asked for."""
        self._outside = Outside() if threaded else None
        self._open: tuple[LiveLock, ...] = ()
        self._wake = threading.Event()
        self._stopping = False
        self._worker: threading.Thread | None = None
        self._threaded = threaded
        self.cutting: Cut = cut if self._outside is None else _elsewhere(self._outside)

    def open(self, info: EngineInfo, bpm: float) -> LiveLock:
        """A lock for a new stream, whose music was asked for at `bpm`."""
        lock = LiveLock(self, info, bpm)
        self._open = (*self._open, lock)
        if self._threaded and self._worker is None:
            self._worker = threading.Thread(target=self._run, name="tempo-lock", daemon=True)
            self._worker.start()
        return lock

    def remove(self, lock: LiveLock) -> None:
        self._open = tuple(other for other in self._open if other is not lock)

    def wake(self) -> None:
        self._wake.set()

    def work_now(self) -> None:
        if not self._threaded:
            self._work()

    def close(self) -> None:
        """End the thread and the process. Safe to call twice."""
        self._stopping = True
        self._wake.set()
        if self._worker is not None:
            self._worker.join()
        if self._outside is not None:
            self._outside.close()

    def _run(self) -> None:
        if self._outside is not None:
            self._outside.warm_up()
        while not self._stopping:
            self._wake.wait(_POLL_S if self._open else None)
            self._wake.clear()
            self._work()

    def _work(self) -> None:
        for lock in self._open:
            try:
                lock.work()
            except Exception:  # one deck's lock must not be the end of the others
                _log.exception("a tempo lock broke; its deck plays on without")
                if not lock.give_in():
                    self.remove(lock)  # the deck loops, and comes to have another stream


def _elsewhere(outside: Outside) -> Cut:
    return lambda *piece: outside.call(cut, *piece)
