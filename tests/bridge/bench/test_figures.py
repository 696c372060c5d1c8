"""What a figure says of itself."""

from __future__ import annotations

import json
import math

import pytest

from bridge.bench.figures import Figure, Target, spread, table
from bridge.bench.suite import Report


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target("<", 40), 39.9, True),
        (Target("<", 40), 40.0, False),
        (Target("<=", 5), 5.0, True),
        (Target(">=", 50), 49.0, False),
        (Target("=", 0), 0, True),
        (Target("=", 0), 1, False),
    ],
)
def test_a_target_is_met_or_missed(target: Target, value: float, met: bool) -> None:
    assert Figure("x", value, "ms", target).verdict == ("ok" if met else "MISS")


def test_what_could_not_be_measured_misses_its_target() -> None:
    (middle, *_) = spread("nothing", [], "ms", Target("<", 40))
    assert math.isnan(middle.value)
    assert middle.verdict == "MISS"


def test_a_spread_is_median_95_percent_and_worst() -> None:
    values = [float(n) for n in range(1, 101)]
    figures = spread("way", values, "ms", Target("<", 40), Target("<", 80))
    assert [figure.value for figure in figures] == [50.5, 95.0, 100.0]
    assert [figure.verdict for figure in figures] == ["MISS", "", "MISS"]


def test_the_ratio_is_to_the_peer() -> None:
    assert Figure("x", 3.0, "s", peer="other", peer_value=2.0).ratio == 1.5
    assert Figure("x", 3.0, "%", peer="other", peer_value=0.0).ratio is None


def test_a_table_has_one_aligned_line_for_each_figure() -> None:
    figures = [
        Figure("short", 12.34, "ms", Target("<", 40)),
        Figure("a longer name", 0.5, "s", peer="other", peer_value=0.25, note="twice"),
    ]
    head, first, second = table(figures).splitlines()
    assert head.index("measured") == first.index("12.3 ms") == second.index("0.50 s")
    assert "ok" in first
    assert "other 0.25 s (2 ×)" in second


def test_a_report_is_json() -> None:
    report = Report((Figure("x", 1.0, "ms", Target("<", 2)),), {"cores": 2}, "abc", "2026-01-01")
    back = json.loads(json.dumps(report.as_json()))
    assert back["figures"][0]["target"] == "< 2"
    assert back["figures"][0]["verdict"] == "ok"
    assert back["commit"] == "abc"
