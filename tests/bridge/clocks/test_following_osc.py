"""The transport behind a host that says over OSC where it is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import pytest

from engine import fake
from tests.bridge.clocks.leading import Host, error_ms
from tests.bridge.rig import BLOCK, RATE, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    rig.send("/clock", "osc")
    rig.run(0.05)
    yield rig
    rig.close()


def stream(rig: Rig, host: Host, seconds: float, hz: float = 25.0, jitter_s: float = 0.005) -> None:
    """Let time pass while the host says where it is, each time a little late."""
    dice = random.Random(3)
    for _ in range(round(seconds * hz)):
        taken_in_s = rig.now_s + BLOCK / RATE
        rig.send("/position", host.beat_at(taken_in_s - dice.uniform(0, jitter_s)))
        rig.run(1 / hz)


def playing(rig: Rig, bpm: float) -> Host:
    host = Host(rig.now_s, lambda beat: bpm)
    rig.send("/play")
    return host


def state(rig: Rig) -> tuple[object, ...]:
    rig.client.heard.clear()
    rig.send("/clock/state")
    rig.turn()
    (answer,) = rig.client.answers("/clock/state")
    return answer


def test_a_stream_of_positions_is_followed(rig: Rig) -> None:
    rig.send("/tempo", 128.0)
    host = playing(rig, 128.0)
    stream(rig, host, 8.0)
    assert abs(error_ms(rig, host)) < 5.0  # they came 2.5 ms late on the average
    assert rig.session.transport.bpm == pytest.approx(128.0, abs=0.2)
    assert state(rig)[0] == "following"


def test_positions_alone_tell_the_tempo(rig: Rig) -> None:
    host = playing(rig, 96.0)
    stream(rig, host, 16.0)
    assert rig.session.transport.bpm == pytest.approx(96.0, abs=0.2)
    assert abs(error_ms(rig, host)) < 5.0


def test_jitter_moves_no_note(rig: Rig) -> None:
    """A position is a measurement, not a jump."""
    rig.send("/tempo", 120.0)
    host = playing(rig, 120.0)
    stream(rig, host, 4.0)
    before = rig.session.transport.placed_beat
    stream(rig, host, 4.0)
    assert rig.session.transport.placed_beat == before


def test_a_far_position_is_a_locate(rig: Rig) -> None:
    rig.send("/tempo", 120.0)
    stream(rig, playing(rig, 120.0), 3.0)
    elsewhere = Host(rig.now_s, lambda beat: 120.0, beat=64.0)
    stream(rig, elsewhere, 2.0)
    assert abs(error_ms(rig, elsewhere)) < 6.0


def test_a_new_tempo_of_the_host_holds_at_once(rig: Rig) -> None:
    rig.send("/tempo", 120.0)
    stream(rig, playing(rig, 120.0), 3.0)
    faster = Host(rig.now_s, lambda beat: 150.0, beat=6.0)
    rig.send("/tempo", 150.0)
    stream(rig, faster, 3.0)
    assert rig.session.transport.bpm == pytest.approx(150.0, abs=0.3)
    assert abs(error_ms(rig, faster)) < 6.0


def test_a_host_that_sends_its_tempo_only_is_followed_in_that(rig: Rig) -> None:
    rig.send("/tempo", 99.0)
    rig.send("/play")
    rig.run(1.0)
    rig.send("/tempo/raw", 101.0)
    rig.run(1.0)
    assert rig.session.transport.playing
    assert rig.session.transport.map.at(rig.session.now).bpm == 101.0
    assert state(rig) == ("following", 101.0, 0.0)


def test_stop_stops_and_a_position_places_the_next_start(rig: Rig) -> None:
    rig.send("/tempo", 120.0)
    stream(rig, playing(rig, 120.0), 2.0)
    rig.send("/stop")
    rig.send("/position", 32.0)
    rig.run(0.2)
    assert not rig.session.transport.playing
    host = Host(rig.now_s, lambda beat: 120.0, beat=32.0)
    rig.send("/play")
    stream(rig, host, 3.0)
    assert abs(error_ms(rig, host)) < 6.0


def test_a_start_just_after_a_stop_is_at_the_place_that_was_set(rig: Rig) -> None:
    rig.send("/tempo", 120.0)
    stream(rig, playing(rig, 120.0), 2.0)
    rig.bundle([("/stop", ()), ("/position", (8.0,)), ("/play", ())])
    rig.run(0.5)
    assert rig.session.transport.beat_at(rig.session.now) == pytest.approx(9.0, abs=0.2)


def test_a_host_that_falls_silent_is_lost_and_the_music_goes_on(rig: Rig) -> None:
    rig.send("/tempo", 120.0)
    host = playing(rig, 120.0)
    stream(rig, host, 6.0)
    rig.run(5.0)
    assert state(rig)[0] == "lost"
    assert rig.session.transport.playing
    stream(rig, host, 2.0)  # a bar
    assert state(rig)[0] == "following"
    assert abs(error_ms(rig, host)) < 6.0


def test_a_time_tag_is_the_instant_that_is_measured(rig: Rig) -> None:
    rig.bundle([("/tempo", (120.0,)), ("/play", ())])
    host = Host(rig.now_s, lambda beat: 120.0)
    for _ in range(100):
        at_s = rig.now_s + 0.04
        rig.send("/position", host.beat_at(at_s), at_s=at_s)
        rig.run(0.04)
    assert abs(error_ms(rig, host)) < 1.0


def test_a_clock_chosen_while_all_plays_is_joined(rig: Rig) -> None:
    rig.send("/clock", "internal")
    rig.send("/play")
    rig.run(1.0)
    rig.send("/clock", "osc")
    host = Host(rig.now_s, lambda beat: 120.0, beat=2.25)
    stream(rig, host, 4.0)
    assert abs(error_ms(rig, host)) < 6.0
