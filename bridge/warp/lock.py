"""The tempo lock: a stream's beats are brought onto the transport's by stretching time.

It goes from beat to beat. A beat of the stream that is to come is given the beat of the transport
that is nearest to where it would fall, and what lies before it is stretched so that it gets there.
How much that may be is bounded, so an error (after a change of the transport, or where a beat
becomes clear late) is pulled in over some beats and never jumped. Without a clear beat the music is
left alone.

The latency is `beats.LOOKAHEAD_S` of the stream, until its beats are settled, and a quarter of a
second between two looks of the tracker; `CONTEXT_S`, which the stretcher must have seen beyond a
piece, is within that. A caller in a hurry can have what is not settled, too.

Threading: one thread owns a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np

from bridge.audio.line import AudioLine
from bridge.audio.mixing import join
from bridge.time.tempo import Meter, TempoMap
from bridge.warp.align import ON_LINE, bar_begun, entry
from bridge.warp.beats import Beat, BeatTracker
from bridge.warp.course import Course, Piece
from bridge.warp.stretch import CONTEXT_S, FADE_S, cut
from engine.api import Audio

SLOWEST, FASTEST = 0.8, 1.25
"""Source samples for one of output: beyond these, music sounds wrong."""
PULL = 0.08
"""An error is pulled in by playing so much faster or slower than the tempo asks for: half a beat in
six beats, a player's ±10 ms within one."""
MULTIPLES = (1.0, 2.0, 0.5)
"""Beats of the stream for one of the transport: half and double time are in time, too."""
_REALIGN_S = 12.0
"""Between two realignments: the bars must have been heard for a while."""
_BACK_S = 1.6
"""At most so much is heard again: an engine is not asked to go back any further than it can."""
_ENTERS, _LEAVES = 1.005, 1.02
"""Beyond the bounds, so that music at one of them is not locked and let go from beat to beat: what
is measured of its tempo sways by as much. The bounds themselves hold all the same."""
_LEAST_ROOM = 0.002
FREE_S = 0.25
"""Without a beat, the music goes out in pieces of this length."""
SOURCE_S = 30.0
"""Of the stream that is kept, behind the ear and ahead of it."""

Cut = Callable[[Audio, float, float, int, int, int], Audio]
"""`bridge.warp.stretch.cut`, or the same elsewhere."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Up to `source` of the stream, which is to be heard on output sample `output`."""

    source: float
    output: int


class TempoLock:
    """One stream and its place on the grid."""

    def __init__(
        self,
        rate: int,
        channels: int,
        bpm: float,
        beats_per_bar: float,
        cutting: Cut = cut,
        tracker: BeatTracker | None = None,
    ) -> None:
        """`bpm`: the tempo that the stream was asked for. `channels`: one or two."""
        self.rate = rate
        self.realigns = False
        """Whether a bar may be begun again, now and then, for the stream's bars to begin where the
        transport's do. Of a recording nothing may be heard twice."""
        self.meter = Meter()
        """The transport's."""
        self.active = True
        """Whether the stream is to be kept on the grid; if not it is left alone."""
        self._per_bar = max(1, round(beats_per_bar))
        self._tracker = tracker or BeatTracker(rate, bpm, self._per_bar)
        self._cutting = cutting
        self._source = AudioLine(round(SOURCE_S * rate), channels)
        self._course = Course()
        self._context = round(CONTEXT_S * rate)
        self._fade = round(FADE_S * rate)
        self._tail: Audio | None = None
        """What follows the last piece, for a cross-fade into the next."""
        self._realigned = 0
        """The output sample on which that was last done."""
        self._multiple = 1.0
        self._locked = False

    # The stream

    def feed(self, audio: Audio) -> None:
        """The next samples of the stream, float32 `[samples, channels]`."""
        self._source.write(self.fed, audio)
        self._tracker.feed(audio)

    def rewind(self, sample: int) -> None:
        """Forget the stream from `sample` on, and what was rendered of that."""
        self._source.forget(sample)
        self._tracker.rewind(sample)
        if self._course.source > sample:
            self.bend(floor(self._course.output_at(sample)))

    def expect(self, bpm: float) -> None:
        """What is fed from now on is meant to be at another tempo."""
        self._tracker.expect(bpm)

    @property
    def fed(self) -> int:
        """Samples of the stream so far."""
        return self._tracker.fed

    @property
    def clear(self) -> bool:
        """Whether the stream has a beat that can be followed."""
        return self._tracker.clear

    def beats(self, first: float, last: float) -> list[Beat]:
        """The stream's beats from one of its samples up to another."""
        return self._tracker.beats(first, last)

    @property
    def bpm(self) -> float:
        """Of the stream, as it is."""
        return self._tracker.bpm

    # The output

    @property
    def state(self) -> str:
        """`waiting` (not heard enough yet) `locked` `free` (no clear beat)."""
        if self._locked:
            return "locked"
        waits = not self._tracker.clear and not self._tracker.decided
        return "waiting" if waits else "free"

    @property
    def step_beats(self) -> float:
        """Of the transport, from one place for a beat of the stream to the next: in double time
        there is one on every eighth."""
        return min(1.0, 1.0 / self._multiple)

    @property
    def position(self) -> int:
        """The next output sample."""
        return self._course.output

    def source_at(self, sample: float) -> float:
        """Which sample of the stream is heard on an output sample."""
        return self._course.source_at(sample)

    def output_at(self, source: float) -> float:
        """The other way round."""
        return self._course.output_at(source)

    def start(self, at: int, tempo: TempoMap, meter: Meter) -> None:
        """Begin on output sample `at`, with the part of a bar that the transport is in there if
        the stream's bars are known; what lies before it is dropped."""
        self.meter = meter
        self._realigned = at
        self._course = Course(at, self._entry(tempo.beat_at(at), meter))
        self._tail = None
        self._locked = False

    def _entry(self, beat: float, meter: Meter) -> float:
        beats = self._tracker.beats(0, self._tracker.fed) if self._tracker.clear else []
        if len(beats) <= self._per_bar or not self.active:
            return 0.0
        # Bars of seven eighths have no beats to count: then any beat will do.
        _, since = meter.bar_at(beat) if self._counts_bars else (0, beat)
        return entry(beats, self._per_bar, since)

    def bend(self, at: int) -> None:
        """Render anew what follows output sample `at`: the transport is another from there on."""
        if at < self.position:
            self._course.cut(at)
            self._tail = None
            if at <= self._realigned:  # that is not heard, so it is to be done again
                self._realigned = at - round(_REALIGN_S * self.rate)

    def render(self, until: int, tempo: TempoMap, *, force: bool = False) -> Audio | None:
        """The next piece of output, float32 `[samples, channels]`, not beyond `until` by more than
        a beat; None if it cannot be had yet.

        `force`: do with beats that are not settled.
        """
        if self.position >= until:
            return None
        plan = self._plan(tempo, force)
        return None if plan is None else self._make(plan, force)

    def _plan(self, tempo: TempoMap, force: bool) -> _Plan | None:
        source, at = self._course.source, self.position
        known = self._tracker.fed if force else self._tracker.settled
        pair = self._beats_around(source) if self.active and self._tracker.clear else None
        multiple = self._choose(pair, tempo, at) if pair else None
        self._locked = multiple is not None
        if pair is None or multiple is None:
            return self._freely(source, at)
        if self.realigns and multiple == 1.0 and (first := self._realign(pair, tempo, at)):
            self._course.turn(first[0].sample)
            self._realigned = at
            pair = first
        plan = self._to_beat(pair, multiple, tempo)
        if pair[1].sample > known and not force:
            return None
        return self._until_change(plan, tempo)

    def _freely(self, source: float, at: int) -> _Plan | None:
        """As it comes, sample by sample, and at once."""
        n = min(round(FREE_S * self.rate), floor(self.fed - source))
        return _Plan(source + n, at + n) if n > 0 else None

    def _beats_around(self, source: float) -> tuple[Beat, Beat] | None:
        """The last beat at or before a sample of the stream, and the next after it."""
        reach = 240.0 / 60 * self.rate  # two beats at 30 BPM
        beats = self._tracker.beats(source - reach, source + reach)
        after = next((i for i, b in enumerate(beats) if b.sample > source + 1.0), len(beats))
        if not 0 < after < len(beats):
            return None
        return beats[after - 1], beats[after]

    def _realign(
        self, pair: tuple[Beat, Beat], tempo: TempoMap, at: int
    ) -> tuple[Beat, Beat] | None:
        """On a bar line of the transport: the first two beats of the stream's bar that has begun
        already, if it clearly has."""
        _, since = self.meter.bar_at(tempo.beat_at(at) + ON_LINE)
        soon = at - self._realigned < _REALIGN_S * self.rate
        if since > 2 * ON_LINE or soon or not self._counts_bars:
            return None
        source, period = self._course.source, pair[1].sample - pair[0].sample
        beats = self._tracker.beats(
            source - (self._per_bar - 0.5) * period, source + (1 + ON_LINE) * period
        )
        return bar_begun(beats, self._per_bar, source, _BACK_S * self.rate)

    @property
    def _counts_bars(self) -> bool:
        """Whether the transport's bars are those that the tracker looks for."""
        return self.meter.beats_per_bar == self._per_bar

    def _choose(self, pair: tuple[Beat, Beat], tempo: TempoMap, at: int) -> float | None:
        """How many beats of the stream go on one of the transport; None if none would do."""
        relation = self._tracker.bpm / tempo.at(at).bpm
        best = min(MULTIPLES, key=lambda multiple: abs(log(multiple / relation)))
        edge = _LEAVES if self._locked else _ENTERS
        if not SLOWEST / edge <= best / relation <= FASTEST * edge:
            return None
        self._multiple = best
        return best

    def _to_beat(self, pair: tuple[Beat, Beat], multiple: float, tempo: TempoMap) -> _Plan:
        """To the next beat of the stream, on the transport's nearest, or as far towards it as the
        bounds let it."""
        source, at = self._course.source, self.position
        last, beat = pair[0].sample, pair[1].sample
        here = tempo.beat_at(at)
        step = 1.0 / multiple  # transport beats between two beats of the stream
        left = (beat - source) / (beat - last) * step
        aim = here + left
        natural = max(1.0, tempo.sample_at(aim) - at)
        steady = (beat - source) / natural
        samples = self._nearest(aim, here, natural, steady, tempo) - at
        ratio = (beat - source) / max(1.0, samples)
        ratio = min(max(ratio, steady * (1 - PULL), SLOWEST), steady * (1 + PULL), FASTEST)
        return _Plan(beat, at + max(1, round((beat - source) / ratio)))

    def _nearest(
        self, aim: float, here: float, natural: float, steady: float, tempo: TempoMap
    ) -> float:
        """On which sample the transport's beat is that takes least time to be in phase with: close
        to a bound there is hardly any room on its side.

        `natural`: samples to the beat `aim` from that `here`, at a ratio of `steady`.
        """
        at, step = self.position, self.step_beats
        early = floor(aim / step) * step
        places = [tempo.sample_at(b) for b in (early, early + step) if b > here + 1e-6]

        def cost(place: float) -> float:
            off = place - at - natural
            room = FASTEST / steady - 1 if off < 0 else 1 - SLOWEST / steady
            return abs(off) / max(min(room, PULL), _LEAST_ROOM)

        return min(places, key=cost)

    def _until_change(self, plan: _Plan, tempo: TempoMap) -> _Plan:
        """Not beyond a change of the transport's tempo: the beats before it are as long as each
        other, and those after it."""
        source, at = self._course.source, self.position
        change = next(iter(tempo.changes_after(at)), None)
        if change is None or change >= plan.output:
            return plan
        share = (tempo.beat_at(change) - tempo.beat_at(at)) / (
            tempo.beat_at(plan.output) - tempo.beat_at(at)
        )
        return _Plan(source + share * (plan.source - source), change)

    def _make(self, plan: _Plan, force: bool) -> Audio | None:
        """Cut the piece out of the stream, as far as that is there."""
        at, source = self.position, self._course.source
        plain = plan.source - source == plan.output - at
        if plain:
            source = round(source)
            plan = _Plan(source + plan.output - at, plan.output)
        there = self._source.end - (0 if plain else self._context)
        if plan.source > there:
            if not force or there <= source + 1:
                return None
            ratio = (plan.source - source) / (plan.output - at)
            samples = max(1, floor((there - source) / ratio))
            plan = _Plan(source + samples * ratio, at + samples)
        piece = Piece(at, plan.output, source, plan.source)
        audio = self._cut(piece)
        self._course.add(piece)
        return audio

    def _cut(self, piece: Piece) -> Audio:
        samples = piece.last - piece.first
        first = max(self._source.start, floor(piece.start) - self._context)
        last = min(self._source.end, ceil(piece.end) + self._context)
        window = self._source.read(first, last - first)
        audio = self._cutting(
            window, piece.start - first, piece.end - first, samples, self._fade, self.rate
        )
        if self._tail is not None:
            n = min(len(self._tail), samples)
            if not np.array_equal(self._tail[:n], audio[:n]):
                audio[:n] = join(self._tail[:n], audio[:n])
        known = max(0, self._source.end - ceil(piece.end))
        self._tail = audio[samples : samples + known]
        return audio[:samples]
