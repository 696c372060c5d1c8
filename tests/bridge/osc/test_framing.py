from __future__ import annotations

import struct
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.framing import MAX_FRAME, Framer
from bridge.osc.packet import BadPacket

PACKETS = st.lists(st.binary(min_size=1, max_size=60), max_size=6)
CUTS = st.lists(st.integers(1, 20), min_size=1, max_size=20)


def in_pieces(framer: Framer, stream: bytes, cuts: list[int]) -> list[bytes]:
    """Feed a stream in pieces of these lengths, again and again."""
    packets: list[bytes] = []
    while stream:
        packets += framer.feed(stream[: cuts[0]])
        stream = stream[cuts[0] :]
        cuts = [*cuts[1:], cuts[0]]
    return packets


@given(PACKETS, CUTS)
def test_length_prefixed_packets_come_whole(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(struct.pack(">i", len(packet)) + packet for packet in packets)
    assert in_pieces(Framer(), stream, cuts) == packets


@given(PACKETS, CUTS)
def test_slip_packets_come_whole(packets: list[bytes], cuts: list[int]) -> None:
    sender = Framer()
    sender.slip = True
    framer = Framer()
    assert in_pieces(framer, b"".join(map(sender.frame, packets)), cuts) == packets
    assert framer.slip is True or not packets


def test_slip_escapes_as_rfc_1055_does() -> None:
    framer = Framer()
    assert list(framer.feed(b"\xc0\x01\xdb\xdc\x02\xdb\xdd\x03\xc0")) == [b"\x01\xc0\x02\xdb\x03"]
    assert framer.frame(b"\xc0\xdb") == b"\xc0\xdb\xdc\xdb\xdd\xc0"


def test_an_answer_is_framed_as_the_question_was() -> None:
    framer = Framer()
    list(framer.feed(b"\0\0\0\4/a\0\0"))
    assert framer.frame(b"/b\0\0") == b"\0\0\0\4/b\0\0"


@pytest.mark.parametrize("size", [0, -1, MAX_FRAME + 1, 2**31 - 1])
def test_a_length_out_of_range_ends_the_stream(size: int) -> None:
    with pytest.raises(BadPacket, match=f"frame of {size} bytes"):
        list(Framer().feed(struct.pack(">i", size) if size >= 0 else b"\xff\xff\xff\xff"))


def test_packets_before_a_bad_frame_still_count() -> None:
    packets = Framer().feed(b"\0\0\0\4/a\0\0" + bytes(4))
    assert next(packets) == b"/a\0\0"
    with pytest.raises(BadPacket):
        next(packets)


def test_a_slip_frame_without_end_is_given_up() -> None:
    framer = Framer()
    pieces = (b"\xc0", *[b"a" * MAX_FRAME] * 10)
    with pytest.raises(BadPacket, match="more than"):
        list(chain.from_iterable(map(framer.feed, pieces)))


@pytest.mark.parametrize("frame", [b"\xc0a\xdbb\xc0", b"\xc0a\xdb\xc0"])
def test_a_wrong_slip_escape_ends_the_stream(frame: bytes) -> None:
    with pytest.raises(BadPacket, match="SLIP escape"):
        list(Framer().feed(frame))
