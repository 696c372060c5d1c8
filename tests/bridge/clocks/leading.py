"""Leaders that play by a tempo of their own, with as much jitter as one likes, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bridge.midi.messages import Pulse, Realtime
from tests.bridge.rig import BLOCK, RATE, Rig

PORT = "host:clock"
Tempo = Callable[[float], float]
"""BPM at a beat."""


@dataclass
class Host:
    """A DAW that plays from `beat` on since `start_s`, and knows exactly where it is."""

    start_s: float
    tempo: Tempo
    beat: float = 0.0
    _times: list[float] = field(default_factory=list)

    def time_of(self, tick: int) -> float:
        """When it is at `beat` plus so many 24ths, in seconds."""
        if not self._times:
            self._times.append(self.start_s)
        while len(self._times) <= tick:
            bpm = self.tempo(self.beat + (len(self._times) - 1) / 24)
            self._times.append(self._times[-1] + 60.0 / bpm / 24)
        return self._times[tick]

    def beat_at(self, at_s: float) -> float:
        tick = 0
        while self.time_of(tick + 1) <= at_s:
            tick += 1
        since_s, next_s = self.time_of(tick), self.time_of(tick + 1)
        return self.beat + (tick + (at_s - since_s) / (next_s - since_s)) / 24


def ticks(host: Host, until_s: float, jitter_s: float = 0.0, seed: int = 1) -> list[float]:
    """When its clock messages arrive."""
    dice = random.Random(seed)
    arrivals: list[float] = []
    tick = 0
    while host.time_of(tick) < until_s:
        late_s = dice.uniform(-jitter_s, jitter_s)
        arrivals.append(max(host.time_of(tick) + late_s, arrivals[-1] if arrivals else 0.0))
        tick += 1
    return arrivals


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
    true = host.beat_at(rig.conductor._device().time_at(now))
    transport = rig.session.transport
    assert transport.playing
    return (true - transport.beat_at(now)) * 60_000.0 / transport.bpm
