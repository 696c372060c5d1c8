"""How well the transport follows a MIDI clock that jitters, jumps and is lost.

In virtual time: the transport, the leader's clock and what steers by it are those of a server, the
device is a straight line. The peer is what clients in Python do: the tempo of the last 24 ticks,
and the place of the last one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.leading import TICKS, Host, ticks
from bridge.bench.listening import BLOCK, RATE, Listened, asking, listened_server
from bridge.bench.plan import Plan
from bridge.clocks.leader import Leader
from bridge.clocks.line import Device
from bridge.midi.messages import Realtime
from bridge.session import Session
from bridge.time.clock import monotonic_s

JITTER_S = 0.003
_START_S = 0.5
_BAR_BEATS = 4
_LEAD_SAMPLES = 640
"""The mix is so far ahead of the device, as a server's is."""
_PEER = "the last 24 ticks"
_PORT = "host:clock"


@dataclass(frozen=True, slots=True)
class Look:
    """One moment: what the leader is at, and by how much two followers are off."""

    at_s: float
    beat: float
    bpm: float
    error_ms: float
    peer_bpm: float
    peer_error_ms: float
    bends: int


class _Peer:
    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=TICKS + 1)
        self._count = -1

    def tick(self, at_s: float) -> None:
        self._times_s.append(at_s)
        self._count += 1

    @property
    def bpm(self) -> float:
        if len(self._times_s) < 2:
            return 0.0
        return 60.0 * (len(self._times_s) - 1) / TICKS / (self._times_s[-1] - self._times_s[0])

    def beat_at(self, at_s: float) -> float:
        return self._count / TICKS + (at_s - self._times_s[-1]) * self.bpm / 60.0


class _Counting(Session):
    bends = 0

    def bend(self, at: int, bpm: float, settled: int, settled_bpm: float) -> None:
        self.bends += 1
        super().bend(at, bpm, settled, settled_bpm)


def follow(host: Host, arrivals: Sequence[float], seconds: float) -> Iterator[Look]:
    """Let a transport follow clock messages that arrive at these times; looks at every block."""
    session = _Counting(RATE, 1, lambda address, ms: None)
    leader, peer, now_s = Leader(session, lambda: now_s), _Peer(), 0.0
    leader.choose("midi")
    leader.midi.received(Realtime("start", _PORT), arrivals[0])
    coming = deque(arrivals)
    while now_s < seconds:
        now_s += BLOCK / RATE
        while coming and coming[0] <= now_s:
            leader.midi.received(Realtime("clock", _PORT), coming[0])
            peer.tick(coming.popleft())
        device = Device(session.now - _LEAD_SAMPLES, now_s, RATE)
        leader.turn(now_s, device)
        session.flush()
        session.fire()
        if session.transport.playing and peer.bpm:
            yield _look(host, session, device, peer)
        session.mix(BLOCK)


def _look(host: Host, session: _Counting, device: Device, peer: _Peer) -> Look:
    at_s = device.time_at(session.now)
    beat, bpm = host.beat_at(at_s), session.transport.bpm
    beat_ms = 60_000.0 / host.tempo(beat)
    error_ms = (beat - session.transport.beat_at(session.now)) * beat_ms
    peer_ms = (beat - peer.beat_at(at_s)) * beat_ms
    return Look(at_s, beat, bpm, error_ms, peer.bpm, peer_ms, session.bends)


def measure_clocks(plan: Plan, tell: Tell) -> list[Figure]:
    """Jitter and drift, a jump of the tempo, a clock that is lost and back, launches."""
    return [
        *_steady(plan, tell),
        *_jump(tell),
        *_lost(tell),
        *_launches(plan, tell),
    ]


def _steady(plan: Plan, tell: Tell) -> list[Figure]:
    tell(f"MIDI clock with 3 ms of jitter, {plan.late_s:.0f} s of it")
    host = Host(_START_S, lambda beat: 120.0)
    seconds = plan.late_s + 20.0
    looks = follow(host, ticks(host, seconds, JITTER_S), seconds)
    settled = [look for look in looks if look.beat >= 8 * _BAR_BEATS]
    middle = len(settled) // 10
    means = [
        sum(x.error_ms for x in part) / middle for part in (settled[:middle], settled[-middle:])
    ]
    tempo_bpm = _worst(x.bpm - 120.0 for x in settled)
    bends = settled[-1].bends - settled[0].bends
    minutes = (settled[-1].at_s - settled[0].at_s) / 60.0
    return [
        Figure("clock after 8 bars, worst tempo error", tempo_bpm, "BPM",
               Target("<=", 0.1), _PEER, _worst(x.peer_bpm - 120.0 for x in settled)),
        Figure("clock after 8 bars, worst error", _worst(x.error_ms for x in settled), "ms",
               Target("<=", 2.0), _PEER, _worst(x.peer_error_ms for x in settled)),
        Figure("clock, drift from first to last tenth", abs(means[1] - means[0]), "ms",
               Target("<=", 1.0), note=f"{minutes:.1f} minutes"),
        Figure("clock, changes that the engine is told", bends / minutes, "/min",
               Target("<=", 6.0)),
    ]  # fmt: skip


def _jump(tell: Tell) -> list[Figure]:
    tell("MIDI clock from 90 to 140 BPM")
    jump_beat = 40.0
    host = Host(_START_S, lambda beat: 90.0 if beat < jump_beat else 140.0)
    looks = list(follow(host, ticks(host, 45.0, JITTER_S), 45.0))
    off = [x for x in looks if x.beat > jump_beat and (abs(x.bpm - 140) > 1 or abs(x.error_ms) > 5)]
    return [Figure("clock from 90 to 140, until within 1 BPM and 5 ms",
                   (off[-1].beat - jump_beat) / _BAR_BEATS, "bars", Target("<=", 2.0))]  # fmt: skip


def _lost(tell: Tell) -> list[Figure]:
    tell("MIDI clock that is lost for 5 s")
    gone_s, back_s = 20.0, 25.0
    host = Host(_START_S, lambda beat: 120.0)
    arrivals = [at_s for at_s in ticks(host, 40.0, JITTER_S) if not gone_s < at_s < back_s]
    looks = list(follow(host, arrivals, 40.0))
    away = [x for x in looks if gone_s < x.at_s < back_s]
    back_beat = host.beat_at(back_s)
    off = [x.beat for x in looks if x.at_s >= back_s and abs(x.error_ms) > 2.0]
    bars = (max(off, default=back_beat) - back_beat) / _BAR_BEATS
    return [
        Figure("clock lost for 5 s, error before it is back", _worst(x.error_ms for x in away),
               "ms", Target("<=", 10.0), _PEER, _worst(x.peer_error_ms for x in away)),
        Figure("clock back, until within 2 ms", bars, "bars", Target("<=", 1.0)),
    ]  # fmt: skip


def _worst(values: Iterator[float]) -> float:
    return max(abs(value) for value in values)


def _launches(plan: Plan, tell: Tell) -> list[Figure]:
    """A server follows a clock with jitter while decks start and stop on the beat."""
    count = max(4, plan.bundles // 5)
    host = Host(monotonic_s() + 1.0, lambda beat: 120.0)
    off_samples, off_ms, missed = [0.0], [0.0], 0
    with listened_server() as app, asking(app) as sender:
        sender.send("/clock", "midi")
        arrivals = deque(ticks(host, host.start_s + 10.0 + 2.0 * count, JITTER_S))
        app.controls.leader.midi.received(Realtime("start", _PORT), arrivals[0])
        _pass(app, arrivals, host.start_s + 8.0)
        for number in range(count):
            tell(f"launches behind a clock, {number + 1} of {count}")
            sender.send("/deck/1/play", "beat")
            _pass(app, arrivals, monotonic_s() + 1.0)
            feed = app.session.decks[1].feed
            if feed is None or feed.origin is None:
                missed += 1
            else:
                _judge(app, host, feed.origin, off_samples, off_ms)
            sender.send("/deck/1/stop", "none")
            _pass(app, arrivals, monotonic_s() + 0.3)
        missed += app.late
    return [
        Figure("launches behind a clock, off their line", _worst(iter(off_samples)), "samples",
               Target("<=", 0.5), note=f"of {count}; the line is rounded to a sample"),
        Figure("launches behind a clock, off the leader's beat", _worst(iter(off_ms)), "ms",
               Target("<=", 2.0)),
        Figure("launches behind a clock, late or lost", missed, "", Target("=", 0)),
    ]  # fmt: skip


def _pass(app: Listened, arrivals: deque[float], until_s: float) -> None:
    """Deliver what arrives until then, each with its own time."""
    while (now_s := monotonic_s()) < until_s:
        while arrivals and arrivals[0] <= now_s:
            app.controls.leader.midi.received(Realtime("clock", _PORT), arrivals.popleft())
        time.sleep(0.002)


def _judge(
    app: Listened, host: Host, origin: int, off_samples: list[float], off_ms: list[float]
) -> None:
    tempo = app.session.transport.map
    beat = round(tempo.beat_at(origin))
    off_samples.append(tempo.sample_at(beat) - origin)
    at_s = app.conductor.playout.device().time_at(origin)
    off_ms.append((host.beat_at(at_s) - beat) * 60_000.0 / host.tempo(beat))
