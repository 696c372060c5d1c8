"""How evenly packets of audio arrive in another process while decks play, and whether all do.

`python -m bridge.bench.packets` is that process: it prints its port, notes each packet's arrival in
`monotonic_s()`, which all processes of a machine share, and prints all that once it is sent `END`.

Threading: `_Clock.look` is the conductor's; the rest belongs to the thread that measures.
"""

from __future__ import annotations

import bisect
import json
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge.audio.sends.target import LOOPBACK, parse_target
from bridge.audio.sends.vban import MOST_FRAMES, VbanEncoder
from bridge.audio.thread import raise_priority
from bridge.bench.figures import CannotMeasure, Figure, Target, Tell
from bridge.bench.listening import RATE, Listened, asking, listened_server, settle
from bridge.bench.plan import Plan
from bridge.bench.playing import PROMPTS
from bridge.clocks.line import Device
from bridge.time.clock import monotonic_s
from engine.api import Audio

END = b"end"
_PACKET_S = MOST_FRAMES / RATE
_WINDOW_S = 0.01
_PEER = "sleeping between packets"
_ROOM_BYTES = 4 << 20
_LAST_S = 0.1
"""For what is still on its way."""


@dataclass(frozen=True, slots=True)
class Arrival:
    send: str
    number: int
    at_s: float


class _Clock:
    """A tap that remembers what the device took when."""

    def __init__(self) -> None:
        self.app: Listened | None = None
        """Once it runs."""
        self._devices: list[Device] = []
        self._first: int | None = None  # the first sample that was made: all sends begin with it

    def look(self, at: int, _audio: Audio) -> None:
        if self._first is None:
            self._first = at
        if self.app is not None:
            self._devices.append(self.app.conductor.playout.device())

    def off_s(self, arrival: Arrival) -> float:
        """How much later than the device took its first sample the packet came."""
        place = bisect.bisect(self._devices, arrival.at_s, key=lambda device: device.at_s)
        device = self._devices[max(0, place - 1)]
        return arrival.at_s - device.time_at((self._first or 0) + arrival.number * MOST_FRAMES)


class _Receiver:
    """Starts the process that receives."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bridge.bench.packets"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CannotMeasure("the process that receives packets has ended; run it again")
        self.port = int(line)

    def end(self) -> list[Arrival]:
        """What came, in its order."""
        time.sleep(_LAST_S)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.sendto(END, (LOOPBACK, self.port))
        text, _ = self._process.communicate()
        return [Arrival(*each) for each in json.loads(text)]


def measure_packets(plan: Plan, tell: Tell) -> list[Figure]:
    """The master and four decks by VBAN, and beside them a sender that sleeps between packets."""
    tell(f"packets of audio, {plan.packets_s:g} s")
    receiver = _Receiver()
    words = (f"vban:mix@{LOOPBACK}:{receiver.port}", f"decks=vban:deck@{LOOPBACK}:{receiver.port}")
    clock, targets = _Clock(), tuple(parse_target(word) for word in words)
    with listened_server(targets, [clock.look]) as app, asking(app) as sender:
        clock.app = app
        for number, prompt in enumerate(PROMPTS, 1):
            sender.send(f"/deck/{number}/prompt", prompt)
            sender.send(f"/deck/{number}/play", "none")
        settle(sender)
        begun_s = monotonic_s()
        time.sleep(plan.packets_s)
        ended_s = monotonic_s()
        app.sends.close()
        sent, xruns = app.sends.sent + app.sends.dropped, app.conductor.playout.xruns
    arrivals = receiver.end()
    lost = sent - len(arrivals)
    played = [each for each in arrivals if begun_s <= each.at_s < ended_s]
    tell(f"packets of a sender that sleeps, {plan.packets_s:g} s")
    return _figures(played, clock, lost, xruns, _peer_off_ms(plan.packets_s))


def _figures(
    arrivals: Sequence[Arrival], clock: _Clock, lost: int, xruns: int, peer_ms: Sequence[float]
) -> list[Figure]:
    off_ms = [1000 * abs(clock.off_s(each)) for each in arrivals]
    name, note = "audio packets off the audio clock", f"of {len(arrivals)}; {xruns} xruns"
    return [
        _figure(f"{name}, median", off_ms, peer_ms, 50, None),
        _figure(f"{name}, 99 %", off_ms, peer_ms, 99, Target("<", 2)),
        _figure(f"{name}, worst", off_ms, peer_ms, 100, Target("<", 10), note=note),
        Figure("most packets of a send in 10 ms", _densest(arrivals), "", Target("<=", 5),
               note=f"one each {1000 * _PACKET_S:.1f} ms"),
        Figure("audio packets lost", lost, "", Target("=", 0)),
    ]  # fmt: skip


def _figure(
    name: str, ours_ms: Sequence[float], peer_ms: Sequence[float], percentile: int,
    target: Target | None, note: str = "",
) -> Figure:  # fmt: skip
    ours, peer = (float(np.percentile(values, percentile)) for values in (ours_ms, peer_ms))
    return Figure(name, ours, "ms", target, _PEER, peer, note)


def _densest(arrivals: Sequence[Arrival]) -> int:
    """The most packets of one send that came within `_WINDOW_S`."""
    by_send = defaultdict(list)
    for arrival in arrivals:
        by_send[arrival.send].append(arrival.at_s)
    return max(
        bisect.bisect(times, at_s + _WINDOW_S) - place
        for times in by_send.values()
        for place, at_s in enumerate(times)
    )


def _peer_off_ms(seconds: float) -> list[float]:
    """The same packets from a loop that sleeps for a packet's length after each, on its own."""
    receiver = _Receiver()
    encoder, silence = VbanEncoder("peer", RATE), np.zeros((MOST_FRAMES, 2), np.float32)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        begun_s = monotonic_s()
        for number in range(round(seconds / _PACKET_S)):
            wire.sendto(encoder.packet(number, silence), (LOOPBACK, receiver.port))
            time.sleep(_PACKET_S)
    return [1000 * abs(x.at_s - begun_s - x.number * _PACKET_S) for x in receiver.end()]


# --- In the process --------------------------------------------------------------------------


def main() -> None:
    raise_priority()  # as a DAW's own thread has it: what is measured is when packets come
    arrivals: list[Arrival] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        wire.bind((LOOPBACK, 0))
        print(wire.getsockname()[1], flush=True)
        while (packet := wire.recv(2048)) != END:
            at_s = monotonic_s()
            name = packet[8:24].rstrip(b"\0").decode("ascii")
            arrivals.append(Arrival(name, int.from_bytes(packet[24:28], "little"), at_s))
    print(json.dumps([(each.send, each.number, each.at_s) for each in arrivals]))


if __name__ == "__main__":
    main()
