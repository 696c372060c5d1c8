from __future__ import annotations

from collections.abc import Iterable

from bridge.midi.takeover import Takeover

GAIN = "/deck/1/gain"


def turn(takeover: Takeover, positions: Iterable[float], knob: str = "knob") -> list[float]:
    """The positions that got through; each comes back as the conductor would report it."""
    taken = [p for p in positions if takeover.takes(knob, GAIN, p)]
    for position in taken:
        takeover.follow(GAIN, position)
    return taken


def steps(first: int, last: int) -> list[float]:
    return [i / 127 for i in range(first, last, 1 if last > first else -1)]


def test_a_value_nobody_knows_is_taken_at_once() -> None:
    assert Takeover().takes("knob", GAIN, 0.9)


def test_a_knob_takes_hold_where_it_reaches_the_value() -> None:
    takeover = Takeover()
    takeover.follow(GAIN, 64 / 127)
    taken = turn(takeover, steps(0, 90))
    assert taken == steps(62, 90)


def test_a_knob_takes_hold_where_it_jumps_across_the_value() -> None:
    takeover = Takeover()
    takeover.follow(GAIN, 0.5)
    assert turn(takeover, [0.1, 0.3, 0.8, 0.9]) == [0.8, 0.9]


def test_a_first_message_far_off_is_no_crossing() -> None:
    takeover = Takeover()
    takeover.follow(GAIN, 0.5)
    assert not takeover.takes("knob", GAIN, 0.9)


def test_a_held_knob_may_leap() -> None:
    takeover = Takeover()
    takeover.follow(GAIN, 0.5)
    assert turn(takeover, [0.5, 1.0, 0.0]) == [0.5, 1.0, 0.0]


def test_a_change_made_elsewhere_loosens_the_hold() -> None:
    takeover = Takeover()
    assert turn(takeover, [0.2, 0.3]) == [0.2, 0.3]
    takeover.follow(GAIN, 0.8)
    assert turn(takeover, [0.31, 0.5]) == []
    assert turn(takeover, [0.85]) == [0.85]


def test_echoes_that_lag_behind_are_no_change_made_elsewhere() -> None:
    takeover = Takeover()
    sent = steps(10, 60)
    assert all(takeover.takes("knob", GAIN, p) for p in sent)
    for position in sent[::7]:  # the state is told of some of them only, late
        takeover.follow(GAIN, position + 1e-6)
        assert takeover.takes("knob", GAIN, sent[-1])


def test_the_same_value_again_is_no_change() -> None:
    takeover = Takeover()
    turn(takeover, [0.4])
    takeover.follow(GAIN, 0.4)
    assert takeover.takes("knob", GAIN, 0.9)


def test_a_knob_that_rests_leaves_nothing_waiting_for_an_echo() -> None:
    takeover = Takeover()
    turn(takeover, [0.4])
    assert takeover.takes("knob", GAIN, 0.4)  # no change, so no echo
    takeover.follow(GAIN, 0.9)
    takeover.follow(GAIN, 0.4)
    takeover.follow(GAIN, 0.9)
    assert not takeover.takes("knob", GAIN, 0.5)


def test_the_knob_that_took_hold_last_has_it() -> None:
    takeover = Takeover()
    assert turn(takeover, [0.2], "left") == [0.2]
    assert turn(takeover, [0.2, 0.8], "right") == [0.2, 0.8]
    assert turn(takeover, [0.21], "left") == []
