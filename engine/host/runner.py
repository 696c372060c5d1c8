"""The runner: steps all of an engine's streams, whoever needs it most first.

Live streams come before renders. Of the live streams that want audio the one with the least
headroom says how long the step is, and every other that can make as much goes along in the same
batch. Renders get the time in which no live stream wants anything, in slices short enough that
none of them is kept waiting. A stream that must prepare itself does so piece by piece, one before
each step of the others.

When the device runs out of memory, streams are given up one by one until the rest plays on:
renders first, then live streams, the newest first each time.

Threading: one thread calls everything here. The rings' other ends belong to the readers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from engine.api import Audio, Close, Command, Engine, Event, Open, Shutdown, Steer, StreamFault
from engine.errors import OutOfMemory, SidemanError
from engine.host.ring import ChunkRing
from engine.host.track import FIRST_CHUNK_SAMPLES, LARGEST_CHUNK_SAMPLES, Track

_PACE_S = 1.0
"""Over what time the real-time factor is an average."""
_LARGEST_SLICE_SAMPLES = 65536
_REASON_LENGTH = 300


class Runner:
    """Owns an engine's streams. `attach_ring` finds the ring that an `Open` names.

    `live_step_s` and `render_slice_s` are about how long a step may take: a slow machine gets
    shorter chunks, so that the heart goes on beating, commands are obeyed soon, and live streams
    do not wait for renders. They change how the audio is cut into chunks, never the audio.
    """

    def __init__(
        self,
        engine: Engine,
        attach_ring: Callable[[str], ChunkRing],
        *,
        live_step_s: float = 0.1,
        render_slice_s: float = 0.01,
    ) -> None:
        self._engine = engine
        self._attach_ring = attach_ring
        self._live = _Ration(live_step_s, LARGEST_CHUNK_SAMPLES, LARGEST_CHUNK_SAMPLES)
        self._render = _Ration(render_slice_s, FIRST_CHUNK_SAMPLES, _LARGEST_SLICE_SAMPLES)
        self._pace = _Pace()
        self._tracks: dict[int, Track] = {}
        self._events: list[Event] = []

    @property
    def idle(self) -> bool:
        """Whether there is no stream at all, so that only a command can bring work."""
        return not self._tracks

    @property
    def realtime_factor(self) -> float:
        """Seconds of music made in one second of work lately; 0 before the first step."""
        return self._pace.factor

    def handle(self, command: Command) -> None:
        """Take one command. Those for a stream that is gone do nothing."""
        match command:
            case Open():
                self._open(command)
            case Steer():
                self._steer(command)
            case Close():
                self._drop(command.stream)
            case Shutdown():
                self.close()

    def step(self) -> bool:
        """Do one unit of work; False if no stream wants any."""
        prepared = self._prepare(live=True)
        batch, frames = self._live_batch()
        ration = self._live
        if not batch and not prepared:
            # Renders wait for the newest of them, so that all begin level and go as one batch.
            prepared = self._prepare(live=False)
            batch, frames = ([], 0) if prepared else self._render_batch()
            ration = self._render
        if not batch:
            return prepared
        begun_s = time.perf_counter()
        self._advance(batch, frames)
        now_s = time.perf_counter()
        music_s = len(batch) * frames * self._engine.info.hop / self._engine.info.rate
        self._pace.add(music_s, now_s - begun_s, now_s)
        ration.fit(now_s - begun_s)
        return True

    def take_events(self) -> list[Event]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """End every stream and let go of its ring. Safe to call twice."""
        for number in list(self._tracks):
            self._drop(number)

    def _open(self, command: Open) -> None:
        try:
            ring = self._attach_ring(command.ring)
        except (OSError, SidemanError) as error:
            self._events.append(StreamFault(command.stream, reason_of(error)))
            return
        try:
            stream = self._engine.open(command.steering, command.opening, command.length)
        except Exception as error:
            ring.close()
            self._events.append(StreamFault(command.stream, reason_of(error)))
            return
        self._tracks[command.stream] = Track(command, stream, ring, self._engine.info)

    def _steer(self, command: Steer) -> None:
        track = self._tracks.get(command.stream)
        if track is None:
            return
        try:
            track.steer(command)
        except Exception as error:
            self._fail(track, error)

    def _drop(self, number: int) -> None:
        track = self._tracks.pop(number, None)
        if track is not None:
            track.ring.close()

    def _fail(self, track: Track, error: Exception) -> None:
        self._drop(track.number)
        self._events.append(StreamFault(track.number, reason_of(error)))

    def _prepare(self, *, live: bool) -> bool:
        """Let one stream do a piece of its preparation; False if none has any left to do."""
        for track in [track for track in self._tracks.values() if track.live == live]:
            try:
                if track.prepare():
                    return True
            except OutOfMemory as error:
                self._shed(error)
                return True
            except Exception as error:
                self._fail(track, error)
        return False

    def _shed(self, error: OutOfMemory) -> None:
        """Give up the stream that will be missed least."""
        order = sorted(self._tracks.values(), key=lambda track: (track.live, -track.number))
        self._fail(order[0], error)

    def _live_batch(self) -> tuple[list[Track], int]:
        live = [track for track in self._tracks.values() if track.live]
        most = self._live.samples
        wanting = [track for track in live if track.takes(track.live_frames(most))]
        if not wanting:
            return [], 0
        frames = min(wanting, key=lambda track: track.headroom).live_frames(most)
        return [track for track in live if track.takes(frames)], frames

    def _render_batch(self) -> tuple[list[Track], int]:
        """Renders at the same position go together, the furthest behind first."""
        renders = [track for track in self._tracks.values() if not track.live]
        samples = self._render.samples
        wanting = [track for track in renders if track.takes(track.render_frames(samples))]
        if not wanting:
            return [], 0
        leader = min(wanting, key=lambda track: track.position)
        ahead = [track.position - leader.position for track in renders]
        # Up to the next one's position and not past it: from there on they go together.
        frames = min([leader.render_frames(samples), *(lead for lead in ahead if lead > 0)])
        level = [track for track in renders if track.position == leader.position]
        return [track for track in level if track.takes(frames)], frames

    def _advance(self, tracks: Sequence[Track], frames: int) -> None:
        starts = [track.position for track in tracks]
        try:
            for track in tracks:
                track.begin_step()
            audios = self._step_engine(tracks, frames)
        except OutOfMemory as error:
            for track, start in zip(tracks, starts, strict=True):
                track.undo_step(start)
            self._shed(error)
            return
        except Exception as error:
            self._advance_each(tracks, starts, frames, error)
            return
        for track, start, audio in zip(tracks, starts, audios, strict=True):
            self._deliver(track, start, frames, audio)

    def _advance_each(
        self, tracks: Sequence[Track], starts: Sequence[int], frames: int, error: Exception
    ) -> None:
        """A batch broke: find out whose fault it was, so that the others play on."""
        if len(tracks) == 1:
            self._fail(tracks[0], error)
            return
        for track, start in zip(tracks, starts, strict=True):
            try:
                track.undo_step(start)
                self._advance([track], frames)
            except Exception as own:
                self._fail(track, own)

    def _step_engine(self, tracks: Sequence[Track], frames: int) -> list[Audio]:
        audios = self._engine.step([track.stream for track in tracks], frames)
        if len(audios) != len(tracks):
            raise RuntimeError(f"{len(audios)} chunks for {len(tracks)} streams")
        return audios

    def _deliver(self, track: Track, start: int, frames: int, audio: Audio) -> None:
        try:
            track.deliver(start, frames, audio)
        except Exception as error:
            self._fail(track, error)


class _Ration:
    """How many samples to ask for in one step, so that it takes about `step_s` at most."""

    def __init__(self, step_s: float, samples: int, largest: int) -> None:
        self.samples = samples
        self._step_s = step_s
        self._largest = largest

    def fit(self, took_s: float) -> None:
        if took_s > self._step_s:
            self.samples = max(self.samples // 2, FIRST_CHUNK_SAMPLES)
        elif took_s < self._step_s / 4:
            self.samples = min(self.samples * 2, self._largest)


class _Pace:
    """How fast music is made: both sums fade, so that the last second or so counts."""

    def __init__(self) -> None:
        self._music_s = 0.0
        self._work_s = 0.0
        self._last_s = 0.0

    @property
    def factor(self) -> float:
        return self._music_s / self._work_s if self._work_s > 0 else 0.0

    def add(self, music_s: float, work_s: float, now_s: float) -> None:
        kept = math.exp((self._last_s - now_s) / _PACE_S)
        self._music_s = self._music_s * kept + music_s
        self._work_s = self._work_s * kept + work_s
        self._last_s = now_s


def reason_of(error: BaseException) -> str:
    """One line that says what went wrong."""
    text = " ".join(str(error).split())
    if not isinstance(error, SidemanError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text[:_REASON_LENGTH]
