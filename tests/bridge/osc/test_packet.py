from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc import packet as packets
from bridge.osc.packet import BadPacket, Bundle, Message, decode, encode, encode_bundle
from bridge.row import Value
from tests.bridge.osc.fake import flat
from tests.bridge.osc.mutate import VALID

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
FLOATS = st.floats(width=32, allow_nan=False)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(1 - 2**31, 2**31 - 1), FLOATS, TEXTS, st.booleans(), st.none(),
    st.binary(min_size=1, max_size=40),
)  # fmt: skip
ADDRESSES = st.from_regex(r"/[a-z0-9_./{},*?\[\]-]{0,40}", fullmatch=True)


@given(ADDRESSES, st.lists(VALUES, max_size=12))
def test_what_is_encoded_is_decoded_again(address: str, args: list[Value]) -> None:
    assert decode(encode(address, args)) == Message(address, tuple(args))


@given(ADDRESSES, st.lists(VALUES, max_size=12))
def test_python_osc_makes_the_same_bytes(address: str, args: list[Value]) -> None:
    builder = OscMessageBuilder(address)
    for value in args:
        builder.add_arg(value)
    assert encode(address, args) == builder.build().dgram


@given(ADDRESSES, st.lists(VALUES, max_size=12))
def test_python_osc_reads_the_same_values(address: str, args: list[Value]) -> None:
    read = OscMessage(encode(address, args))
    assert (read.address, list(read.params)) == (address, args)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(b"#bundle\0".__add__)))
def test_any_bytes_are_a_packet_or_a_bad_packet(data: bytes) -> None:
    refused: BadPacket | None = None
    try:
        flat(decode(data))
    except BadPacket as error:
        refused = error
    if refused:
        assert str(refused).isprintable()
        answer = decode(encode("/error", (refused.address, str(refused))))
        assert answer == Message("/error", (refused.address, str(refused)))


@given(st.sampled_from(VALID), st.data())
def test_a_packet_cut_short_is_bad(valid: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(valid) - 1))
    try:
        shorter = flat(decode(valid[:end]))
    except BadPacket:
        return
    # A bundle may lose whole elements, a message its empty list of tags.
    assert len(shorter) < len(flat(decode(valid))) or shorter[0].args == ()


def test_every_kind_of_argument() -> None:
    tags = b"/x\0\0,ifsbhtdScrmTFNI[i]\0"
    assert len(tags) % 4 == 0
    body = struct.pack(">if", -5, 0.5) + b"text\0\0\0\0" + struct.pack(">i", 3) + b"\1\2\3\0"
    body += struct.pack(">qQd", -(2**40), 2**63, 0.1) + b"sym\0" + struct.pack(">i", ord("c"))
    body += b"\1\2\3\4" + b"\5\6\7\x08" + struct.pack(">i", 9)
    message = decode(tags + body)
    assert message == Message("/x", (
        -5, 0.5, "text", b"\1\2\3", -(2**40), 2**63, 0.1, "sym", "c",
        b"\1\2\3\4", b"\5\6\7\x08", True, False, None, math.inf, 9))  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no end"),
        (b"/abc", "no end"),
        (b"abc\0,\0\0\0", "begins with '/'"),
        (b"/a b\0\0\0\0,\0\0\0", "printable ASCII"),
        (b"/\xc3\xa4\0,\0\0\0", "printable ASCII"),
        (b"/" + b"a" * 300 + b"\0\0\0", "at most 256 bytes"),
        (b"/ab\0,", "no end"),
        (b"/ab\0,i\0", "not padded"),
        (b"/a\0", "not padded"),
        (b"/ab\0\0\0\0\7", "no type tags, yet 4 bytes follow"),
        (b"/ab\0,i\0\0\0\0", "2 bytes of arguments, 4 expected"),
        (b"/ab\0,T\0\0\0\0\0\0", "4 bytes after the last argument"),
        (b"/ab\0,x\0\0", "unknown type tag 'x'"),
        (b"/ab\0,s\0\0abcd", "a string has no end"),
        (b"/ab\0,s\0\0\xff\0\0\0", "not UTF-8"),
        (b"/ab\0,b\0\0\xff\xff\xff\xff", "a blob of -1 bytes"),
        (b"/ab\0,b\0\0\x7f\xff\xff\xff", "a blob of 2147483647 bytes"),
        (b"/ab\0,ci\0\0\0\x11\0\0\0\0\0", "not ASCII"),
        (b"/ab\0,]\0\0", "do not pair"),
        (b"/ab\0,[\0\0", "do not pair"),
        (b"/ab\0," + b"T" * 2000 + b"\0\0\0", "at most 1024 arguments"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BadPacket, match=reason):
        decode(data)


def test_the_address_of_a_bad_message_is_known() -> None:
    with pytest.raises(BadPacket) as caught:
        decode(b"/deck/1/gain\0\0\0\0,x\0\0")
    assert caught.value.address == "/deck/1/gain"


def test_senders_older_than_type_tags_may_leave_them_out() -> None:
    assert decode(b"/play\0\0\0") == Message("/play", ())


@pytest.mark.parametrize("size", [-4, 0, 3, 5, 6, 2**31 - 1, -(2**31)])
def test_a_bundle_element_of_a_wrong_size(size: int) -> None:
    bundle = b"#bundle\0" + bytes(8) + struct.pack(">i", size) + b"/a\0\0"
    with pytest.raises(BadPacket, match=f"element of {size} bytes") as caught:
        decode(bundle)
    assert caught.value.address == "#bundle"


def test_a_bad_message_in_a_bundle_is_named() -> None:
    with pytest.raises(BadPacket, match="/bad: unknown type tag") as caught:
        decode(encode_bundle(1, [encode("/good", ()), b"/bad\0\0\0\0,x\0\0"]))
    assert caught.value.address == "#bundle"


def test_bundles_nest_but_not_for_ever() -> None:
    packet = encode("/a", (1,))
    for depth in range(8):
        packet = encode_bundle(depth, [packet])
    assert flat(decode(packet)) == [Message("/a", (1,))]
    with pytest.raises(BadPacket, match="at most 8 deep"):
        decode(encode_bundle(1, [packet]))


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    packet = encode("/a", ())
    for _ in range(2000):
        packet = encode_bundle(1, [packet])
    with pytest.raises(BadPacket):
        decode(packet)


def test_a_packet_has_a_bounded_number_of_elements() -> None:
    most = encode_bundle(1, [b"/a\0\0"] * packets.MAX_ELEMENTS)
    assert len(flat(decode(most))) == packets.MAX_ELEMENTS
    with pytest.raises(BadPacket, match="at most 4096 elements"):
        decode(encode_bundle(1, [b"/a\0\0"] * (packets.MAX_ELEMENTS + 1)))


def test_a_bundle_keeps_time_tag_and_order() -> None:
    inner = encode_bundle(7, [encode("/b", (2,))])
    packet = decode(encode_bundle(2**63 + 5, [encode("/a", (1,)), inner, encode("/c", ())]))
    assert packet == Bundle(
        2**63 + 5, (Message("/a", (1,)), Bundle(7, (Message("/b", (2,)),)), Message("/c", ()))
    )


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_large_whole_numbers_stay_exact(value: int) -> None:
    assert decode(encode("/a", (value,))) == Message("/a", (value,))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (2**70, float(2**70)),
        (1e300, 1e300),
        ("file\udcff name", "file? name"),
        ("a\0b", "a?b"),
        (b"", b""),
        ("", ""),
    ],
)
def test_what_does_not_fit_osc_is_sent_as_near_as_can_be(value: Value, read: Value) -> None:
    assert decode(encode("/a", (value,))) == Message("/a", (read,))
