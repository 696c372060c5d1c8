"""The transport behind a DAW's MIDI clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from unittest.mock import Mock

import pytest

from engine import fake
from tests.bridge.clocks.leading import Cable, Host, error_ms, ticks
from tests.bridge.rig import BLOCK, RATE, Rig

JITTER_S = 0.003


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    rig.send("/clock", "midi")
    yield rig
    rig.close()


@pytest.fixture
def cable(rig: Rig) -> Cable:
    return Cable(rig)


def at(bpm: float, start_s: float = 0.2) -> Host:
    return Host(start_s, lambda beat: bpm)


def started(cable: Cable, host: Host, until_s: float, jitter_s: float = 0.0) -> list[float]:
    arrivals = ticks(host, until_s, jitter_s)
    cable.say("start", arrivals[0] - 0.001)
    cable.plug(arrivals)
    return arrivals


def state(rig: Rig) -> tuple[object, ...]:
    rig.client.heard.clear()
    rig.send("/clock/state")
    rig.turn()
    (answer,) = rig.client.answers("/clock/state")
    return answer


def test_after_eight_bars_of_jitter_it_is_in_tempo_and_in_place(rig: Rig, cable: Cable) -> None:
    host = at(120)
    started(cable, host, 22.0, JITTER_S)
    cable.pass_by(16.5)
    for _ in cable.run(5.0):
        assert abs(error_ms(rig, host)) < 2.0
    assert rig.session.transport.bpm == pytest.approx(120.0, abs=0.1)


def test_a_steady_clock_bends_the_music_hardly_ever(
    rig: Rig, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = at(120)
    started(cable, host, 76.0, JITTER_S)
    cable.pass_by(16.0)
    bend = Mock(wraps=rig.session.bend)
    monkeypatch.setattr(rig.session, "bend", bend)
    cable.pass_by(60.0)
    assert bend.call_count <= 4
    assert abs(error_ms(rig, host)) < 1.0


def test_a_jump_from_90_to_140_is_followed_within_two_bars(rig: Rig, cable: Cable) -> None:
    host = Host(0.2, lambda beat: 90.0 if beat < 16 else 140.0)
    started(cable, host, 18.0, JITTER_S)
    cable.pass_by(host.time_of(24 * 24) - rig.now_s)
    assert rig.session.transport.bpm == pytest.approx(140.0, abs=0.3)
    for _ in cable.run(2.0):
        assert abs(error_ms(rig, host)) < 3.0


def test_a_ramp_is_followed(rig: Rig, cable: Cable) -> None:
    host = Host(0.2, lambda beat: min(130.0, max(100.0, 100.0 + 30.0 * (beat - 16) / 32)))
    started(cable, host, 32.0, JITTER_S)
    cable.pass_by(10.0)
    for _ in cable.run(20.0):
        assert abs(error_ms(rig, host)) < 15.0
    assert rig.session.transport.bpm == pytest.approx(130.0, abs=0.1)


def test_a_lost_clock_holds_the_tempo_and_is_joined_again_within_a_bar(
    rig: Rig, cable: Cable
) -> None:
    host = at(117)
    arrivals = ticks(host, 30.0, JITTER_S)
    cable.say("start", 0.19)
    cable.plug([t for t in arrivals if not 15.0 < t < 20.0])
    cable.pass_by(17.0)
    assert state(rig)[0] == "lost"
    assert rig.session.transport.playing
    for _ in cable.run(2.9):
        assert abs(error_ms(rig, host)) < 10.0
    assert rig.session.transport.bpm == pytest.approx(117.0, abs=0.1)
    cable.pass_by(0.1 + 4 * 60 / 117)
    for _ in cable.run(6.0):
        assert abs(error_ms(rig, host)) < 2.0
    assert state(rig)[0] == "following"


def test_start_begins_at_beat_0_of_the_next_tick(rig: Rig, cable: Cable) -> None:
    host = at(100)
    cable.plug([0.2 - tick * 0.025 for tick in range(1, 8)])  # it ticks before it starts
    started(cable, host, 3.0)
    cable.pass_by(2.9)
    assert abs(error_ms(rig, host)) < 2.0


def test_song_position_and_continue_go_on_there(rig: Rig, cable: Cable) -> None:
    host = Host(0.2, lambda beat: 120.0, beat=18.5)
    cable.say("position", 0.1, sixteenths=74)
    cable.say("continue", 0.195)
    cable.plug(ticks(host, 4.0))
    cable.pass_by(3.9)
    assert abs(error_ms(rig, host)) < 2.0
    assert rig.session.transport.beat_at(rig.session.now) > 25.0


def test_stop_stops_and_continue_goes_on_where_it_stopped(rig: Rig, cable: Cable) -> None:
    first = at(120)
    arrivals = [t for t in ticks(first, 3.0) if t < 2.199]  # 96 ticks, four beats
    cable.say("start", 0.19)
    cable.plug(arrivals)
    cable.say("stop", 2.199)
    cable.pass_by(2.5)
    assert not rig.session.transport.playing
    again = Host(4.0, lambda beat: 120.0, beat=4.0)
    cable.say("continue", 3.99)
    cable.plug(ticks(again, 6.0))
    cable.pass_by(3.4)
    assert abs(error_ms(rig, again)) < 2.0


def test_a_leader_that_goes_elsewhere_takes_the_music_along(rig: Rig, cable: Cable) -> None:
    host = at(120)
    arrivals = started(cable, host, 8.0)
    cable.say("position", (arrivals[192] + arrivals[191]) / 2, sixteenths=128)
    cable.pass_by(7.9)
    beat = rig.session.transport.beat_at(rig.session.now)
    assert beat == pytest.approx(host.beat_at(rig.now_s) - 8.0 + 32.0, abs=0.05)


def test_two_clocks_do_not_mix(rig: Rig, cable: Cable) -> None:
    host = at(120)
    started(cable, host, 6.0)
    cable.plug(ticks(at(97, 0.21), 6.0), port="other:clock")
    cable.say("stop", 3.0, port="other:clock")
    cable.pass_by(5.9)
    assert abs(error_ms(rig, host)) < 2.0


def test_another_port_leads_once_the_first_has_long_been_silent(rig: Rig, cable: Cable) -> None:
    started(cable, at(120), 2.0)
    other = at(90, 5.0)
    cable.say("start", 4.99, port="other:clock")
    cable.plug(ticks(other, 9.0), port="other:clock")
    cable.pass_by(8.9)
    assert abs(error_ms(rig, other)) < 2.0


def test_launches_lie_on_the_grid_to_the_sample(rig: Rig, cable: Cable) -> None:
    host = at(126)
    started(cable, host, 14.0, JITTER_S)
    cable.pass_by(9.0)
    rig.send("/deck/1/play")
    rig.send("/deck/2/play", "beat")
    cable.pass_by(4.0)
    for number in (1, 2):
        feed = rig.session.decks[number].feed
        assert feed is not None
        assert feed.origin is not None
        beat = rig.session.transport.map.beat_at(feed.origin)
        assert rig.session.transport.sample_at(round(beat)) == feed.origin
        true = host.beat_at(rig.conductor.playout.device().time_at(feed.origin))
        assert abs(true - round(beat)) * 60 / 126 < 0.001
    assert rig.late == []


def test_a_deck_launched_before_the_leader_starts_is_joined(rig: Rig, cable: Cable) -> None:
    rig.send("/deck/1/play")
    host = at(120, 1.0)
    started(cable, host, 8.0)
    cable.pass_by(7.9)
    assert abs(error_ms(rig, host)) < 2.0


def test_tempo_and_position_are_the_leaders(rig: Rig, cable: Cable) -> None:
    started(cable, at(120), 3.0)
    cable.pass_by(1.0)
    for address, value in (("/tempo", 90.0), ("/tempo/raw", 90.0), ("/position", 8.0)):
        rig.send(address, value)
        cable.pass_by(BLOCK / RATE)
        (error,) = rig.client.answers("/error")
        assert error == (address, "the midi clock leads: /clock internal to set it here")
        rig.client.heard.clear()
    assert rig.session.transport.bpm == pytest.approx(120.0, abs=0.1)


def test_another_choice_takes_over_at_once(rig: Rig, cable: Cable) -> None:
    started(cable, at(120), 5.0)
    cable.pass_by(2.0)
    rig.bundle([("/clock", ("internal",)), ("/tempo", (100.0,))])
    cable.pass_by(1.0)
    assert rig.client.heard == []
    assert rig.session.transport.playing
    assert rig.state.get("/tempo") == (100.0,)
    assert state(rig)[0] == "internal"


def test_a_clock_that_runs_is_known_when_it_is_chosen(rig: Rig, cable: Cable) -> None:
    rig.send("/clock", "internal")
    host = at(130)
    started(cable, host, 9.0)
    cable.pass_by(4.0)
    assert not rig.session.transport.playing
    rig.send("/clock", "midi")
    cable.pass_by(4.0)
    assert abs(error_ms(rig, host)) < 2.0


def test_subscribers_are_told_how_it_is_followed(rig: Rig, cable: Cable) -> None:
    host = at(120)
    cable.say("start", 0.19)
    cable.plug([t for t in ticks(host, 6.0) if t < 4.0])
    told: list[object] = []
    rig.state.listen(lambda address, args: told.append(args[0]) if "state" in address else None)
    cable.pass_by(5.5)
    words = [word for word, before in zip(told, [None, *told], strict=False) if word != before]
    assert words == ["waiting", "following", "lost"]
    assert len(told) < 16


def test_nothing_heard_is_waited_for(rig: Rig, cable: Cable) -> None:
    cable.pass_by(0.1)
    assert state(rig) == ("waiting", 120.0, 0.0)
