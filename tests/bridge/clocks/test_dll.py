"""Beats that come with jitter, and the line that they lie on."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.clocks.dll import PhaseLoop
from bridge.clocks.line import Line

JITTER_S = 0.003


def measure(loop: PhaseLoop, times_s: list[float], jitter_s: float = 0.0, seed: int = 1) -> None:
    dice = random.Random(seed)
    for tick, at_s in enumerate(times_s):
        loop.measure(tick / 24, at_s + dice.uniform(-jitter_s, jitter_s))


def steady(bpm: float, ticks: int, start_s: float = 0.0) -> list[float]:
    return [start_s + tick * 60.0 / bpm / 24 for tick in range(ticks)]


def line_of(loop: PhaseLoop) -> Line:
    assert loop.line is not None
    return loop.line


@settings(max_examples=25, deadline=None)
@given(bpm=st.floats(40, 240), seed=st.integers(0, 2**32))
def test_after_eight_bars_of_jitter_tempo_and_place_are_known(bpm: float, seed: int) -> None:
    loop = PhaseLoop()
    times_s = steady(bpm, 8 * 4 * 24 + 1)
    measure(loop, times_s, JITTER_S, seed)
    assert line_of(loop).bpm == pytest.approx(bpm, rel=0.1 / 120)
    assert line_of(loop).time_at(32.0) == pytest.approx(times_s[-1], abs=0.002)


def test_ten_minutes_bring_no_drift() -> None:
    loop = PhaseLoop()
    dice = random.Random(7)
    for tick, at_s in enumerate(steady(123.4, round(600 * 123.4 / 60 * 24))):
        loop.measure(tick / 24, at_s + dice.uniform(-JITTER_S, JITTER_S))
        if tick > 768:
            assert abs(line_of(loop).time_at(tick / 24) - at_s) < 0.001


@settings(max_examples=15, deadline=None)
@given(before=st.floats(60, 180), by=st.sampled_from([0.6, 0.8, 1.25, 1.6]), seed=st.integers(0))
def test_another_tempo_is_found_within_two_bars(before: float, by: float, seed: int) -> None:
    loop, after = PhaseLoop(), before * by
    times_s = steady(before, 600)
    times_s += steady(after, 192, times_s[-1] + 60.0 / after / 24)
    measure(loop, times_s, JITTER_S, seed)
    assert line_of(loop).bpm == pytest.approx(after, rel=0.005)
    assert line_of(loop).time_at(791 / 24) == pytest.approx(times_s[-1], abs=0.003)


def test_a_message_that_was_held_up_moves_nothing() -> None:
    loop = PhaseLoop()
    times_s = steady(120, 600)
    times_s[500] += 0.019
    measure(loop, times_s)
    assert line_of(loop).bpm == pytest.approx(120.0, abs=0.01)


def test_a_tempo_is_believed_only_after_some_messages() -> None:
    loop = PhaseLoop()
    measure(loop, steady(120, 3), JITTER_S)
    assert loop.line is None


def test_a_tempo_that_is_told_holds_at_once() -> None:
    loop = PhaseLoop()
    loop.tell(97.0)
    loop.measure(3.0, 10.0)
    assert line_of(loop) == Line(10.0, 3.0, 97.0)


def test_resuming_keeps_the_tempo_and_takes_the_place() -> None:
    loop = PhaseLoop()
    measure(loop, steady(90, 200))
    loop.resume(64.0, 100.0)
    assert line_of(loop).bpm == pytest.approx(90.0)
    assert line_of(loop).beat_at(100.0) == 64.0


def test_what_does_not_go_forward_is_ignored() -> None:
    loop = PhaseLoop()
    measure(loop, steady(120, 200))
    before = loop.line
    loop.measure(1.0, 50.0)
    assert loop.line == before
