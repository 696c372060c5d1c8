"""Bars and beats of a time signature."""

from __future__ import annotations

from math import floor

import pytest

from bridge.time.tempo import Meter


@pytest.mark.parametrize(("numerator", "denominator"), [(4, 4), (3, 4), (6, 8), (7, 8), (5, 4)])
def test_a_whole_beat_is_never_counted_to_the_one_before(numerator: int, denominator: int) -> None:
    """A display is told `1.3` on the third beat of a bar, not `1.2` once more."""
    meter = Meter(numerator, denominator)
    for beat in range(4000):
        bar, since = meter.bar_at(float(beat))
        assert bar * meter.beats_per_bar + since == beat
        assert 0 <= since < meter.beats_per_bar
        if meter.beats_per_bar == 4:
            assert (bar, floor(since)) == divmod(beat, 4)


def test_a_beat_that_falls_short_by_a_rounding_error_is_on_its_bar_line() -> None:
    assert Meter().bar_at(8.0 - 1e-9) == (2, 0.0)
    assert Meter().bar_at(8.0 - 1e-3)[0] == 1
