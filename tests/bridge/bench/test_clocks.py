"""What the figures of following a clock are made of."""

from __future__ import annotations

import pytest

from bridge.bench.clocks import follow
from bridge.bench.leading import Host, ticks


def test_a_host_knows_where_it_is_whatever_its_tempo_does() -> None:
    host = Host(2.0, lambda beat: 60.0 if beat < 4 else 120.0)
    assert host.beat_at(2.0) == 0.0
    assert host.beat_at(6.0) == pytest.approx(4.0)
    assert host.beat_at(7.0) == pytest.approx(6.0)


def test_without_jitter_ticks_are_where_the_host_is() -> None:
    host = Host(1.0, lambda beat: 120.0)
    assert ticks(host, 1.99) == [host.time_of(tick) for tick in range(48)]


def test_both_followers_are_seen_to_follow_a_clock_that_is_exact() -> None:
    host = Host(0.5, lambda beat: 120.0)
    looks = list(follow(host, ticks(host, 8.0), 8.0))
    assert abs(looks[-1].error_ms) < 0.6
    assert abs(looks[-1].peer_error_ms) < 0.6
    assert looks[-1].peer_bpm == pytest.approx(120.0)
    assert looks[-1].bends > 0


def test_with_jitter_the_peer_is_seen_to_waver() -> None:
    host = Host(0.5, lambda beat: 120.0)
    looks = [x for x in follow(host, ticks(host, 12.0, 0.003), 12.0) if x.at_s > 8.0]
    assert max(abs(x.peer_bpm - 120.0) for x in looks) > 0.5
    assert max(abs(x.bpm - 120.0) for x in looks) < 0.1
