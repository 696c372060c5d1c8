"""Beats and samples: exact, and the same both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.time.grid import next_line
from bridge.time.tap import TapTempo
from bridge.time.tempo import Anchor, Meter, TempoMap
from bridge.time.transport import Transport

RATE = 48000
bpms = st.floats(20, 400)
changes = st.lists(st.tuples(st.integers(1, 200_000), bpms), max_size=20)


@given(bpms, changes, st.integers(0, 3_000_000))
def test_a_sample_comes_back_from_its_beat(
    bpm: float, steps: list[tuple[int, float]], sample: int
) -> None:
    tempo, at = TempoMap(RATE, Anchor(0, 0.0, bpm)), 0
    for later, faster in steps:
        at += later
        tempo.change(at, bpm=faster)
    assert tempo.sample_at(tempo.beat_at(sample)) == pytest.approx(sample, abs=1e-3)


@given(changes)
def test_a_change_of_tempo_moves_no_beat_that_was_played(steps: list[tuple[int, float]]) -> None:
    tempo, at = TempoMap(RATE, Anchor(0, 0.0, 120.0)), 0
    for later, bpm in steps:
        at += later
        before = tempo.beat_at(at)
        tempo.change(at, bpm=bpm)
        assert tempo.beat_at(at) == before
        assert tempo.beat_at(at - 1) <= before


def test_an_hour_of_play_does_not_drift() -> None:
    transport = Transport(RATE, 120.0)
    transport.start(0, 0.0)
    for beat in (0, 7200):
        assert transport.sample_at(beat) == beat * RATE // 2


@given(st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16]), st.floats(-100, 1000))
def test_bars_of_any_metre(numerator: int, denominator: int, beat: float) -> None:
    meter = Meter(numerator, denominator)
    bar, since = meter.bar_at(beat)
    assert bar * meter.beats_per_bar + since == pytest.approx(beat, abs=1e-6)
    assert 0 <= since <= meter.beats_per_bar


def test_a_new_signature_counts_from_the_bar_that_is_playing() -> None:
    meter = Meter().change(9.5, 3, 4)
    assert meter.bar_at(8.0) == (2, 0.0)
    assert meter.bar_at(11.0) == (3, 0.0)
    assert next_line(9.5, "bar", meter) == 11.0


@given(st.floats(-50, 500), st.sampled_from(["beat", "bar", "2bars", "4bars", "8bars"]))
def test_lines_are_the_first_that_have_not_passed(beat: float, grid: str) -> None:
    beats = {"beat": 1, "bar": 4, "2bars": 8, "4bars": 16, "8bars": 32}[grid]
    line = next_line(beat, grid, Meter())
    assert line % beats == 0
    assert beat - 1e-5 <= line < beat + beats


def test_a_position_on_a_line_is_that_line() -> None:
    assert next_line(8.0 + 1e-9, "bar", Meter()) == 8.0
    assert next_line(8.0001, "bar", Meter()) == 12.0
    assert next_line(3.3, "none", Meter()) == 3.3


def test_continue_goes_on_where_stop_was_and_play_where_it_was_placed() -> None:
    transport = Transport(RATE)
    transport.locate(0, 16.0)
    transport.start(0, transport.placed_beat)
    transport.stop(RATE)
    assert transport.held_beat == 18.0
    assert transport.placed_beat == 16.0


@pytest.mark.parametrize(("gap_s", "bpm"), [(0.5, 120.0), (0.6, 100.0), (0.05, 400.0)])
def test_tapping(gap_s: float, bpm: float) -> None:
    tap = TapTempo()
    taps = [tap.tap(100 + i * gap_s) for i in range(5)]
    assert taps[0] is None
    assert taps[-1] == pytest.approx(bpm)


def test_one_clumsy_tap_does_no_harm_and_a_pause_begins_anew() -> None:
    tap = TapTempo()
    for at_s in (0.0, 0.5, 1.0, 1.75, 2.0, 2.5):
        bpm = tap.tap(at_s)
    assert bpm == pytest.approx(120)
    assert tap.tap(10.0) is None
