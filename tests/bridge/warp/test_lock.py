"""The tempo lock, given beats that are known: where they land, and how far music may be bent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.bench.material import band, steady
from bridge.time.tempo import Anchor, Meter, TempoMap
from bridge.warp.beats import LOOKAHEAD_S, Beat, BeatTracker
from bridge.warp.lock import FASTEST, PULL, SLOWEST, TempoLock
from bridge.warp.stretch import CONTEXT_S
from engine.api import Audio

RATE = 16000
FOREVER = 2**62


class Oracle(BeatTracker):
    """Knows the beats of a stream of one tempo, and says that each bar begins with the first."""

    def __init__(self, bpm: float, first_s: float = 0.0, *, clear: bool = True) -> None:
        super().__init__(RATE, bpm)
        self.played_bpm, self.first, self.has_beat = bpm, first_s * RATE, clear
        self.samples = 0

    def feed(self, audio: Audio) -> None:
        self.samples += len(audio)

    def rewind(self, sample: int) -> None:
        self.samples = min(self.samples, sample)

    @property
    def fed(self) -> int:
        return self.samples

    @property
    def settled(self) -> int:
        return self.samples - RATE

    @property
    def clear(self) -> bool:
        return self.has_beat

    @property
    def decided(self) -> bool:
        return self.samples > 8 * RATE

    @property
    def bpm(self) -> float:
        return self.played_bpm

    def beats(self, first: float, last: float) -> list[Beat]:
        every = 60.0 * RATE / self.played_bpm
        low, high = (int(np.ceil((s - self.first) / every)) for s in (first, last))
        return [Beat(self.first + i * every, 1.0, float(i % 4 == 0)) for i in range(low, high)]


def tempo_of(bpm: float) -> TempoMap:
    return TempoMap(RATE, Anchor(0, 0.0, bpm))


def lock_on(oracle: Oracle, tempo: TempoMap, audio: Audio | None = None) -> TempoLock:
    """A lock that has been fed, and begins with source sample 0 in spite of knowing bars."""
    lock = TempoLock(RATE, 2, oracle.played_bpm, 4, tracker=oracle)
    lock.start(0, tempo, Meter())
    lock.feed(hum(24.0) if audio is None else audio)
    return lock


def hum(seconds: float, seed: int = 1) -> Audio:
    noise = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2))
    return (0.1 * noise).astype(np.float32)


def render(lock: TempoLock, tempo: TempoMap, until: int = FOREVER) -> Audio:
    parts = [np.zeros((0, 2), np.float32)]
    while (part := lock.render(until, tempo)) is not None:
        parts.append(part)
    return np.concatenate(parts)


def errors_ms(lock: TempoLock, oracle: Oracle, tempo: TempoMap) -> NDArray[np.float64]:
    """How far each beat of the stream is from the transport's, float64 `[beats]`."""
    heard = [lock.output_at(b.sample) for b in oracle.beats(0, lock.source_at(lock.position))]
    beats = np.array([tempo.beat_at(sample) for sample in heard]) / lock.step_beats
    nearest = np.round(beats) * lock.step_beats
    there = np.array([tempo.sample_at(float(beat)) for beat in nearest])
    errors: NDArray[np.float64] = np.abs(there - heard) / RATE * 1000
    return errors


def ratios(lock: TempoLock) -> NDArray[np.float64]:
    """Source samples for one of output, every 10 ms."""
    heard = [lock.source_at(at) for at in range(0, lock.position - 160, 160)]
    return np.array([(b - a) / 160 for a, b in pairwise(heard)], np.float64)


@pytest.mark.parametrize("bpm", [97.0, 117.3, 120.0, 149.0])
@pytest.mark.parametrize("first_s", [0.0, 0.11, 0.26, 0.4])
def test_beats_are_pulled_onto_the_grid_gently_and_stay(bpm: float, first_s: float) -> None:
    oracle, tempo = Oracle(bpm, first_s), tempo_of(120)
    lock = lock_on(oracle, tempo)
    render(lock, tempo)
    assert lock.state == "locked"
    assert errors_ms(lock, oracle, tempo)[12:].max() < 0.2
    bent = ratios(lock)
    natural = 120 / bpm
    assert bent.min() > max(SLOWEST, natural * (1 - PULL)) - 0.001
    assert bent.max() < min(FASTEST, natural * (1 + PULL)) + 0.001


@pytest.mark.parametrize(("bpm", "grid_bpm"), [(61.0, 120.0), (59.0, 120.0), (118.0, 60.0)])
def test_half_and_double_time_are_in_time(bpm: float, grid_bpm: float) -> None:
    oracle, tempo = Oracle(bpm, 0.1), tempo_of(grid_bpm)
    lock = lock_on(oracle, tempo)
    render(lock, tempo)
    assert lock.state == "locked"
    assert errors_ms(lock, oracle, tempo)[8:].max() < 0.2
    assert abs(np.median(ratios(lock)) - 1.0) < 0.03


def test_what_is_in_time_already_keeps_its_bits() -> None:
    source, tempo = hum(8.0), tempo_of(120)
    out = render(lock_on(Oracle(120.0), tempo, source), tempo)
    assert len(out) > 6 * RATE
    np.testing.assert_array_equal(out, source[: len(out)])


def test_music_without_a_beat_is_left_alone() -> None:
    source, tempo = hum(10.0), tempo_of(120)
    lock = lock_on(Oracle(117.0, clear=False), tempo, source[: 2 * RATE])
    first = render(lock, tempo)
    assert lock.state == "waiting"
    lock.feed(source[2 * RATE :])
    out = np.concatenate([first, render(lock, tempo)])
    assert lock.state == "free"
    np.testing.assert_array_equal(out, source)


def test_what_is_too_far_off_is_left_alone() -> None:
    source, tempo = hum(10.0), tempo_of(130)
    lock = lock_on(Oracle(90.0), tempo, source)
    np.testing.assert_array_equal(render(lock, tempo), source)
    assert lock.state == "free"


def test_at_the_edge_of_what_may_be_bent_it_makes_up_its_mind() -> None:
    oracle, tempo = Oracle(96.0), tempo_of(120)
    lock = lock_on(oracle, tempo)
    states = []
    for number in range(24):
        oracle.played_bpm = 96.3 if number % 2 else 95.7
        assert lock.render(FOREVER, tempo) is not None
        states.append(lock.state)
    assert sum(a != b for a, b in pairwise(states)) <= 1


def test_it_begins_with_a_bar_where_bars_are_known() -> None:
    tempo = tempo_of(120)
    lock = TempoLock(RATE, 2, 117.0, 4, tracker=Oracle(117.0, 0.3))
    lock.feed(hum(12.0))
    lock.start(0, tempo, Meter())
    assert lock.source_at(0) == pytest.approx(0.3 * RATE)
    render(lock, tempo)
    oracle = Oracle(117.0, 0.3)
    assert errors_ms(lock, oracle, tempo)[1:].max() < 0.2


def test_a_change_of_tempo_bends_from_its_sample_on() -> None:
    oracle, tempo = Oracle(117.3, 0.2), tempo_of(120)
    lock = lock_on(oracle, tempo)
    before = render(lock, tempo, 10 * RATE)
    at = 8 * RATE + 1234  # in the middle of a beat, and of what has been rendered
    heard = lock.source_at(at)
    tempo.change(at, bpm=126)
    lock.bend(at)
    assert lock.position == at
    assert lock.source_at(at) == pytest.approx(heard)
    after = render(lock, tempo)
    assert lock.source_at(at) == pytest.approx(heard)
    assert len(before) > at
    assert len(after) > 8 * RATE
    assert errors_ms(lock, oracle, tempo).max() < 250
    assert errors_ms(lock, oracle, tempo)[-12:].max() < 0.2


def test_through_a_ramp_of_the_transport_beats_stay_within_30_ms() -> None:
    oracle, tempo = Oracle(104.0, 0.1), tempo_of(100)
    lock = lock_on(oracle, tempo, hum(10.0))
    render(lock, tempo, 5 * RATE)
    for step in range(170):  # 17 s, some eight bars, as a host's automation sends it
        at = 5 * RATE + step * RATE // 10
        tempo.change(at, bpm=100 + 30 * (step + 1) / 170)
        lock.bend(at)
        lock.feed(hum(0.125))
        render(lock, tempo, at + RATE)
    errors = errors_ms(lock, oracle, tempo)[8:]
    assert np.percentile(errors, 95) < 30
    assert lock.state == "locked"


def test_a_rewound_stream_is_rendered_anew_from_there() -> None:
    oracle, tempo = Oracle(117.3), tempo_of(120)
    source, other = hum(16.0), hum(16.0, seed=2)
    lock = lock_on(oracle, tempo, source)
    first = render(lock, tempo)
    back = 9 * RATE
    lock.rewind(back)
    assert lock.fed == back
    begins = lock.position
    assert lock.source_at(begins) == pytest.approx(back, abs=1.5)
    lock.feed(other[back:])
    out = np.concatenate([first[:begins], render(lock, tempo)])

    whole = np.concatenate([source[:back], other[back:]])
    straight = lock_on(Oracle(117.3), tempo, whole)
    expected = render(straight, tempo)
    assert abs(len(out) - len(expected)) < RATE
    reach = round((CONTEXT_S + 0.1) * RATE)
    np.testing.assert_array_equal(out[: begins - reach], expected[: begins - reach])
    assert errors_ms(lock, oracle, tempo)[-8:].max() < 0.2


def test_a_rewind_of_what_is_not_rendered_yet_changes_nothing_of_it() -> None:
    tempo = tempo_of(120)
    lock = lock_on(Oracle(117.3), tempo)
    render(lock, tempo, 4 * RATE)
    position = lock.position
    lock.rewind(12 * RATE)
    assert lock.position == position


def test_it_waits_for_settled_beats_unless_in_a_hurry() -> None:
    material = band(steady(117.3), 16.0, RATE)
    tempo, lock = tempo_of(120), TempoLock(RATE, 2, 120.0, 4)
    lock.start(0, tempo, Meter())
    lock.feed(material.audio[: 10 * RATE])
    render(lock, tempo)
    beat_s = 60 / 117.3
    reached_s = lock.source_at(lock.position) / RATE
    assert 10 - LOOKAHEAD_S - 0.26 - beat_s < reached_s <= 10 - LOOKAHEAD_S
    while lock.render(FOREVER, tempo, force=True) is not None:
        pass
    assert lock.source_at(lock.position) / RATE > 10 - CONTEXT_S - 0.01
    assert lock.render(FOREVER, tempo, force=True) is None


def test_the_same_calls_give_the_same_samples() -> None:
    material = band(steady(117.3), 12.0, RATE)
    takes = []
    for _ in range(2):
        tempo, lock = tempo_of(120), TempoLock(RATE, 2, 120.0, 4)
        lock.start(0, tempo, Meter())
        lock.feed(material.audio)
        takes.append(render(lock, tempo))
    np.testing.assert_array_equal(takes[0], takes[1])
