"""What comes down a cable from a host that leads, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.bench.leading import Host, ticks
from bridge.midi.messages import Pulse, Realtime
from tests.bridge.rig import BLOCK, RATE, Rig

__all__ = ["Cable", "Host", "error_ms", "ticks"]

PORT = "host:clock"


class Cable:
    """What is to arrive at a rig's MIDI clock, and when."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._coming: list[tuple[float, Realtime]] = []

    def plug(self, arrivals: list[float], port: str = PORT) -> None:
        """Clock messages."""
        for at_s in arrivals:
            self.say("clock", at_s, port=port)

    def say(self, pulse: Pulse, at_s: float, sixteenths: int = 0, port: str = PORT) -> None:
        self._coming.append((at_s, Realtime(pulse, port, sixteenths)))

    def run(self, seconds: float) -> Iterator[float]:
        """Let time pass; yields it after each block."""
        rig = self._rig
        until_s = rig.now_s + seconds
        self._coming.sort(key=lambda coming: coming[0])
        while rig.now_s < until_s:
            rig.now_s += BLOCK / RATE
            while self._coming and self._coming[0][0] <= rig.now_s:
                at_s, message = self._coming.pop(0)
                rig.controls.leader.midi.received(message, at_s)
            rig.turn()
            yield rig.now_s

    def pass_by(self, seconds: float) -> None:
        for _ in self.run(seconds):
            pass


def error_ms(rig: Rig, host: Host) -> float:
    """By how much the transport, where it is mixed next, is behind the host."""
    now = rig.session.now
    true = host.beat_at(rig.conductor.playout.device().time_at(now))
    transport = rig.session.transport
    assert transport.playing
    return (true - transport.beat_at(now)) * 60_000.0 / transport.bpm
