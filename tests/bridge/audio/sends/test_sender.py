"""The sender on a clock of the test's own: when packets leave, and what becomes of late ones."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from bridge.audio.sends import sender
from bridge.audio.sends.send import LATE_S, Place
from bridge.audio.sends.sender import Sends
from bridge.audio.sends.target import parse_target, routes
from bridge.clocks.line import Device
from bridge.time.clock import monotonic_s
from engine.api import Audio
from tests.bridge.audio.sends.receivers import Ear, joined, read_reastream, read_vban
from tests.serving import until

RATE = 48_000
BLOCK = 256
DECKS = 2
PACKET_S = BLOCK / RATE


class Wire:
    """Remembers when what was sent; fails with `error` while there is one."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.error: OSError | None = None
        self.sent: list[tuple[float, bytes]] = []

    def sendto(self, data: bytes, _: object) -> int:
        if self.error is not None:
            raise self.error
        self.sent.append((self._rig.now_s, data))
        return len(data)

    def close(self) -> None: ...


class Rig:
    """Sends with no thread, a conductor that keeps two blocks ahead, and a device."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
        self.now_s = 100.0
        self.wires: list[Wire] = []
        self.told: list[str] = []
        self.mix = np.empty((0, 2 + 2 * DECKS), np.float32)
        self.origin_s = 100.0  # when the device takes sample 0
        monkeypatch.setattr(sender, "open_wire", self._open)
        monkeypatch.setattr(threading.Thread, "start", lambda _: None)
        targets = [parse_target(word) for word in words]
        self.sends = Sends(routes(targets, DECKS, RATE), RATE, DECKS, self.told.append)
        self.sends.start()

    def _open(self, _: Place) -> Wire:
        self.wires.append(Wire(self))
        return self.wires[-1]

    def conduct(self) -> None:
        """A turn of the conductor: the mix stays two blocks ahead of the device."""
        taken = int((self.now_s - self.origin_s) * RATE) // BLOCK * BLOCK
        while len(self.mix) < taken + 2 * BLOCK:
            self.sends.feed(len(self.mix), self._block())
        self.sends.turn(Device(taken, self.origin_s + taken / RATE, RATE))

    def _block(self) -> Audio:
        drawn = np.random.default_rng(len(self.mix)).uniform(-0.9, 0.9, (BLOCK, 2 + 2 * DECKS))
        block = drawn.astype(np.float32)
        self.mix = np.concatenate([self.mix, block])
        return block

    def play(self, seconds: float, *, sends: bool = True) -> None:
        """Time passes; the conductor has a turn every millisecond."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.conduct()
            idle_s = self.sends.step(self.now_s) if sends else 0.001
            self.now_s += min(0.001, max(1e-5, idle_s))


def test_each_packet_leaves_when_the_device_takes_its_first_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch, "vban:mix", "deck2=reastream:two")
    rig.play(2.0)
    for wire, frames in zip(rig.wires, (256, 150), strict=True):
        due_s = 100.0 + np.arange(len(wire.sent)) * frames / RATE
        late_s = np.array([at_s for at_s, _ in wire.sent]) - due_s
        assert len(wire.sent) > 370
        assert late_s.min() > -1e-9
        assert late_s.max() < 0.0005
    mix = joined([read_vban(packet) for _, packet in rig.wires[0].sent])
    two = joined([read_reastream(packet) for _, packet in rig.wires[1].sent])
    assert np.abs(mix - rig.mix[: len(mix), :2] * 32768.0).max() <= 0.5
    assert np.array_equal(two, rig.mix[: len(two), 4:6])


def test_nothing_is_sent_before_the_device_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, "vban:mix")
    rig.sends.feed(-72, rig._block())
    rig.sends.step(rig.now_s)
    assert not rig.wires[0].sent


def test_after_a_short_stall_packets_come_at_twice_the_pace_and_none_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch, "vban:mix")
    rig.play(0.5)
    before = len(rig.wires[0].sent)
    rig.play(LATE_S * 0.8, sends=False)
    rig.play(0.5)
    apart_s = np.diff([at_s for at_s, _ in rig.wires[0].sent])
    assert apart_s[before - 1] > LATE_S * 0.7
    assert apart_s[before:].min() >= PACKET_S / 2 - 1e-9
    assert len(joined([read_vban(packet) for _, packet in rig.wires[0].sent])) > RATE
    assert rig.wires[0].sent[-1][0] > rig.now_s - 0.006
    assert rig.sends.dropped == 0
    assert not rig.told


def test_after_a_long_stall_old_packets_are_dropped_counted_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch, "vban:mix")
    for _ in range(2):
        rig.play(0.5)
        rig.play(1.0, sends=False)
    rig.play(0.5)
    numbers = [read_vban(packet).number for _, packet in rig.wires[0].sent]
    missing = numbers[-1] + 1 - len(numbers)
    assert 300 < missing == rig.sends.dropped
    apart_s = np.diff([at_s for at_s, _ in rig.wires[0].sent])
    assert apart_s.min() >= PACKET_S / 2 - 1e-9
    last_s, last = rig.wires[0].sent[-1]
    steps = rig.mix[numbers[-1] * BLOCK : numbers[-1] * BLOCK + BLOCK, :2] * 32768.0
    assert np.abs(read_vban(last).audio - steps).max() <= 0.5, "its number tells its place"
    assert last_s > rig.now_s - 0.006
    assert len(rig.told) == 1
    assert "too busy" in rig.told[0]
    rig.sends.close()
    assert f"{missing} of {numbers[-1] + 1} packets lost" in rig.told[1]


def test_a_gap_of_the_device_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, "vban:mix")
    rig.play(0.5)
    rig.now_s += 0.4  # nobody had a turn, so the device found no sound
    rig.sends.step(rig.now_s)
    rig.origin_s += 0.4
    rig.play(0.5)
    assert rig.sends.dropped == 0
    heard = joined([read_vban(packet) for _, packet in rig.wires[0].sent])
    assert len(heard) > 0.95 * RATE


@pytest.mark.parametrize("error", [BlockingIOError(11, "full"), OSError(101, "unreachable")])
def test_a_wire_that_fails_is_told_once_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    rig = Rig(monkeypatch, "vban:mix", "vban:other")
    rig.wires[0].error = error
    rig.play(0.5)
    rig.wires[0].error = None
    rig.play(0.5)
    assert len(rig.told) == 1
    assert "vban:mix@127.0.0.1:6980" in rig.told[0]
    numbers = [read_vban(packet).number for _, packet in rig.wires[0].sent]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert rig.sends.dropped == numbers[0] > 90
    assert len(rig.wires[1].sent) == numbers[-1] + 1


def test_what_the_device_still_takes_is_sent_before_the_end() -> None:
    told: list[str] = []
    with Ear() as ear:
        target = parse_target(f"decks=reastream:deck@127.0.0.1:{ear.port}")
        sends = Sends(routes([target], DECKS, RATE), RATE, DECKS, told.append)
        sends.start()
        mix = np.random.default_rng(1).uniform(-1, 1, (1500, 2 + 2 * DECKS)).astype(np.float32)
        sends.turn(Device(0, monotonic_s(), RATE))
        for at in range(0, len(mix), 300):
            sends.feed(at, mix[at : at + 300])
        sends.close()
        sends.close()
        until(lambda: len(ear.packets) == 20, "not all packets came")
    heard = ear.sends()
    assert np.array_equal(joined(heard["deck1"]), mix[:, 2:4])
    assert np.array_equal(joined(heard["deck2"]), mix[:, 4:6])
    assert not told
