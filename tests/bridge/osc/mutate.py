"""Packets as they come, and what a broken network or a hostile neighbour makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bridge.osc.packet import encode, encode_bundle

VALID: tuple[bytes, ...] = (
    encode("/ping", (1, 0.5, "text", b"blob", True, False, None)),
    encode("/deck/1/gain", (-6.0,)),
    encode("/deck/2/prompt", ("lofi hip hop", 0.7, "house", 0.3)),
    encode("/deck/*/mute", ()),
    encode("/deck/[1-3]/{gain,level}", (0.5,)),
    encode("//stop", ()),
    encode("/tempo", (120.0,)),
    encode("/clip/render", ("a loop", 4, -1)),
    encode("/sync", (7,)),
    encode("/subscribe", (9000, 30.0)),
    encode("/error", ("/x", "no")),
    b"/a\0\0,[i[f]T]\0\0\0\0" + b"\0\0\0\1\x3f\x80\0\0",
    b"/a\0\0,hdtScrm\0\0\0\0" + bytes(24) + b"abc\0" + bytes(12),
    encode_bundle(1, [encode("/deck/1/play", ("none",)), encode("/deck/2/play", ("none",))]),
    encode_bundle(
        1 << 40, [encode("/tempo", (90,)), encode_bundle(1 << 41, [encode("/deck/1/stop", ())])]
    ),
)

_SIZES = (0, 1, -1, -4, 2**31 - 1, -(2**31), 65536, 12)


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """`count` packets, each one to four wounds away from a valid one."""
    rng = random.Random(seed)
    for _ in range(count):
        packet = bytearray(rng.choice(VALID))
        for _ in range(rng.randint(1, 4)):
            rng.choice(_WOUNDS)(rng, packet)
        yield bytes(packet)


def _flip(rng: random.Random, packet: bytearray) -> None:
    if packet:
        packet[rng.randrange(len(packet))] = rng.randrange(256)


def _cut(rng: random.Random, packet: bytearray) -> None:
    del packet[rng.randint(0, len(packet)) :]


def _drop(rng: random.Random, packet: bytearray) -> None:
    at = rng.randint(0, len(packet))
    del packet[at : at + rng.choice((1, 2, 4, 8))]


def _insert(rng: random.Random, packet: bytearray) -> None:
    at = rng.randint(0, len(packet))
    packet[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8)))


def _repeat(rng: random.Random, packet: bytearray) -> None:
    at = rng.randint(0, len(packet))
    piece = packet[at : at + rng.randint(1, 16)]
    packet[at:at] = piece * rng.randint(1, 8)


def _size(rng: random.Random, packet: bytearray) -> None:
    at = rng.randint(0, len(packet)) & ~3
    packet[at : at + 4] = rng.choice(_SIZES).to_bytes(4, "big", signed=True)


def _wrap(rng: random.Random, packet: bytearray) -> None:
    packet[:] = encode_bundle(rng.choice((0, 1, 1 << 40, 2**64 - 1)), [bytes(packet)] * 2)


_WOUNDS = (_flip, _flip, _flip, _cut, _drop, _insert, _repeat, _size, _wrap)
