"""The clocks: how fine they are, and a wall clock that is set anew."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.time import clock
from bridge.time.clock import SystemClock, from_ntp_s, to_ntp

TAG = to_ntp(1_800_000_000.0)


class Clocks:
    """The machine's two clocks. `held_up` looks in a row are interrupted between the readings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.ahead_s = 1_799_999_000.0
        self.held_up = 0
        monkeypatch.setattr(clock, "monotonic_s", lambda: self.now_s)
        monkeypatch.setattr(clock, "_wall_s", self.wall_s)

    def wall_s(self) -> float:
        wall_s = self.now_s + self.ahead_s
        if self.held_up:
            self.held_up -= 1
            self.now_s += 0.05
        return wall_s


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


@given(st.floats(0, 4e9))
def test_time_tags_there_and_back(unix_s: float) -> None:
    assert from_ntp_s(to_ntp(unix_s)) == pytest.approx(unix_s, abs=1e-6)


def test_two_tags_keep_their_distance() -> None:
    there = SystemClock()
    assert there.from_ntp(TAG + (1 << 31)) - there.from_ntp(TAG) == pytest.approx(0.5, abs=1e-6)


def test_a_wall_clock_that_is_set_anew_is_followed(clocks: Clocks) -> None:
    there = SystemClock()
    assert there.from_ntp(TAG) == pytest.approx(1000.0)
    clocks.ahead_s += 3600
    assert there.from_ntp(TAG) == pytest.approx(1000.0 - 3600)


def test_being_held_up_between_two_readings_moves_no_tag(clocks: Clocks) -> None:
    there = SystemClock()
    clocks.held_up = 2
    assert there.from_ntp(TAG) == pytest.approx(1000.0, abs=1e-4)


@pytest.mark.parametrize("read", [clock.monotonic_s, clock._wall_s])
def test_a_clock_moves_in_steps_that_are_short_against_a_block(read: Callable[[], float]) -> None:
    steps: list[float] = []
    while len(steps) < 20:
        before_s = read()
        while (after_s := read()) == before_s:
            pass
        steps.append(after_s - before_s)
    assert min(steps) < 0.001


def test_windows_tells_its_finer_wall_clock() -> None:
    class Kernel32:
        def GetSystemTimePreciseAsFileTime(self, filetime: Any) -> None:  # noqa: N802
            assert isinstance(filetime._obj, ctypes.c_uint64)
            filetime._obj.value = 116_444_736_000_000_000 + 18_000_000_001_234_567

    assert clock._windows_wall_s(Kernel32()) == pytest.approx(1_800_000_000.1234567, abs=1e-6)


def test_the_wall_clock_is_the_systems() -> None:
    assert clock._wall_s() == pytest.approx(time.time(), abs=1)
