"""MIDI clock to others: what is sent, for which sample, and whether it can be followed."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.clocks.line import Device
from bridge.clocks.midi import MidiClock
from bridge.midi.clock_out import CONTINUE, START, STOP, TICK, ClockOut, ClockPlan
from bridge.midi.messages import Realtime, decode
from bridge.time.clock import monotonic_s
from bridge.time.transport import Transport

RATE = 48000
BLOCK = 256
Sent = list[tuple[int, bytes]]


@pytest.fixture
def transport() -> Transport:
    return Transport(RATE)


def run(plan: ClockPlan, transport: Transport, first: int, last: int) -> Sent:
    sent: Sent = []
    for until in range(first + BLOCK, last + BLOCK, BLOCK):
        sent += plan.messages(transport, min(until, last))
    return sent


def test_a_start_at_beat_0_is_start_and_24_ticks_a_beat(transport: Transport) -> None:
    plan = ClockPlan()
    run(plan, transport, 0, 1000)
    transport.start(1000, 0.0)
    sent = run(plan, transport, 1000, 1000 + 2 * RATE)
    assert sent[0] == (1000, START)
    assert [data for _, data in sent[1:]] == [TICK] * 96
    assert [sample for sample, _ in sent[1:]] == [1000 + 1000 * tick for tick in range(96)]


def test_nothing_is_sent_while_nothing_plays(transport: Transport) -> None:
    assert run(ClockPlan(), transport, 0, RATE) == []


def test_a_start_between_sixteenths_is_joined_on_the_next(transport: Transport) -> None:
    transport.start(0, 33.1)
    sent = run(ClockPlan(), transport, 0, RATE // 2)
    assert sent[0] == (0, bytes((0xF2, 5, 1)))  # 133 sixteenths, beat 33.25
    joined = [sample for sample, data in sent if data == CONTINUE]
    assert joined == [round(0.15 * RATE / 2)]
    assert (joined[0], TICK) in sent


def test_stop_is_sent_where_it_stopped(transport: Transport) -> None:
    plan = ClockPlan()
    transport.start(0, 0.0)
    run(plan, transport, 0, 10_000)
    transport.stop(10_000)
    assert run(plan, transport, 10_000, 20_000) == [(10_000, STOP)]


def test_a_stop_and_a_start_within_one_block_are_both_sent(transport: Transport) -> None:
    plan = ClockPlan()
    transport.start(0, 0.0)
    run(plan, transport, 0, 10_000)
    transport.stop(10_000)
    transport.start(10_000, 0.0)
    sent = run(plan, transport, 10_000, 10_200)
    assert sent == [(10_000, STOP), (10_000, START), (10_000, TICK)]


def test_a_jump_is_stop_position_and_continue(transport: Transport) -> None:
    plan = ClockPlan()
    transport.start(0, 0.0)
    transport.locate(RATE, 16.0)
    sent = run(plan, transport, 0, RATE + 10)
    assert sent[-4:] == [
        (RATE, STOP),
        (RATE, bytes((0xF2, 64, 0))),
        (RATE, CONTINUE),
        (RATE, TICK),
    ]


@settings(max_examples=30, deadline=None)
@given(tempi=st.lists(st.floats(20, 400), min_size=1, max_size=8), tick=st.integers(0, 9999))
def test_no_tick_is_lost_or_doubled_whatever_the_tempo_does(tempi: list[float], tick: int) -> None:
    transport, plan, sent = Transport(RATE), ClockPlan(), []
    transport.start(0, (tick + 0.5) / 24)
    for number, bpm in enumerate(tempi):
        transport.bpm = bpm
        transport.change_tempo(number * 20_001)
        sent += run(plan, transport, number * 20_001, (number + 1) * 20_001)
    end = len(tempi) * 20_001
    ticks = [sample for sample, data in sent if data == TICK]
    assert len(ticks) == pytest.approx(transport.map.beat_at(end) * 24 - tick - 0.5, abs=0.6)
    for number, sample in enumerate(ticks):
        place = transport.map.beat_at(sample) * 24
        assert place == pytest.approx(tick + 1 + number, abs=0.01)


def test_another_sideman_can_follow_it(transport: Transport) -> None:
    follower, device = MidiClock(), Device(0, 0.0, RATE)
    transport.bpm = 97.0
    transport.start(4800, 6.4)
    for sample, data in run(ClockPlan(), transport, 0, 6 * RATE):
        message = decode(data, "us")
        assert isinstance(message, Realtime)
        follower.received(message, device.time_at(sample))
    line = follower.read(6.0).line
    assert line is not None
    assert line.bpm == pytest.approx(97.0, abs=0.01)
    assert line.beat_at(6.0) == pytest.approx(transport.beat_at(6 * RATE), abs=1e-3)


class Wire:
    """An output that notes what is sent, and when; it may break."""

    name = "drums:in"

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.closed = False
        self.broken = False
        self.ticked = threading.Event()

    def send(self, data: bytes) -> None:
        if self.broken:
            self.ticked.set()
            raise OSError("the cable fell out")
        self.sent.append((monotonic_s(), data))
        self.ticked.set()

    def close(self) -> None:
        self.closed = True


def test_nothing_is_sent_before_its_time_and_closing_stops_the_other_side(
    transport: Transport,
) -> None:
    wire = Wire()
    out = ClockOut(wire, print)
    out.start()
    transport.start(0, 0.0)
    began_s = monotonic_s()
    out.plan(transport, 2000, Device(0, began_s, RATE), 0.03, muted=False)
    assert wire.ticked.wait(5.0)
    out.close()
    assert wire.sent[0][1] == START
    assert wire.sent[0][0] >= began_s + 0.03
    assert wire.sent[-1][1] == STOP
    assert wire.closed


def test_a_broken_output_is_said_once(transport: Transport) -> None:
    wire, said = Wire(), threading.Event()
    lines: list[str] = []

    def notify(line: str) -> None:
        lines.append(line)
        said.set()

    out = ClockOut(wire, notify)
    wire.broken = True
    out.start()
    transport.start(0, 0.0)
    out.plan(transport, 4000, Device(0, monotonic_s(), RATE), 0.0, muted=False)
    assert said.wait(5.0)
    out.close()
    assert lines == ["MIDI clock to drums:in broke (the cable fell out): serve again"]


def test_the_device_that_leads_is_sent_no_echo() -> None:
    out = ClockOut(Wire(), print)
    assert out.echoes("drums:out")
    assert not out.echoes("keys:out")
    assert not out.echoes("")
