"""How fast datagrams are decoded, beside python-osc on the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pythonosc.osc_packet import OscPacket

from bridge.bench.figures import Figure, Tell
from bridge.bench.flood import mixture
from bridge.bench.plan import Plan
from bridge.osc.packet import decode
from bridge.time.clock import monotonic_s

_ROUNDS = 5
"""The quickest counts: everything else is what the machine did meanwhile."""


def measure_decoding(plan: Plan, tell: Tell) -> list[Figure]:
    tell("decoding")
    packets = mixture()
    packets = packets * max(1, plan.decodes // len(packets))
    ours = min(_each_us(decode, packets) for _ in range(_ROUNDS))
    theirs = min(_each_us(OscPacket, packets) for _ in range(_ROUNDS))
    return [
        Figure("decoding one message", ours, "µs", peer="python-osc", peer_value=theirs,
               note="checked strictly"),
    ]  # fmt: skip


def _each_us(read: Callable[[bytes], object], packets: Sequence[bytes]) -> float:
    begun_s = monotonic_s()
    for packet in packets:
        read(packet)
    return 1e6 * (monotonic_s() - begun_s) / len(packets)
