"""Packets say what the specifications want, as receivers read them that know nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.audio.sends.reastream import ReaStreamEncoder
from bridge.audio.sends.vban import VbanEncoder
from engine.errors import BadValue
from tests.bridge.audio.sends.receivers import read_reastream, read_vban

NOISE = np.random.default_rng(1).uniform(-1, 1, (256, 2)).astype(np.float32)


def test_a_vban_packet_by_its_bytes() -> None:
    audio = np.array([[0.5, -0.5], [0.0, 1.0]], np.float32)
    assert VbanEncoder("mix", 48_000).packet(0x01020304, audio) == (
        b"VBAN\x03\x01\x01\x01mix" + bytes(13) + b"\x04\x03\x02\x01"
        b"\x00\x40\x00\xc0\x00\x00\xff\x7f"
    )  # fmt: skip


def test_a_reastream_packet_by_its_bytes() -> None:
    audio = np.array([[1.0, -2.0], [0.0, 0.5]], np.float32)
    assert ReaStreamEncoder("mix", 44_100).packet(7, audio) == (
        b"MRSR\x3f\x00\x00\x00mix" + bytes(29) + b"\x02\x44\xac\x00\x00\x10\x00"
        b"\x00\x00\x80\x3f\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x3f"
    )


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_vban_is_read_within_half_a_step(rate: int) -> None:
    heard = read_vban(VbanEncoder("a stream name", rate).packet(5, NOISE))
    assert (heard.name, heard.rate, heard.number) == ("a stream name", rate, 5)
    steps = NOISE.astype(float) * 32768
    assert np.abs(heard.audio - steps)[steps < 32767].max() <= 0.5


def test_what_is_too_loud_for_integers_stops_at_their_ends() -> None:
    loud = np.array([[2.0, -2.0]], np.float32)
    assert read_vban(VbanEncoder("x", 48_000).packet(0, loud)).audio.tolist() == [[32767, -32768]]


def test_the_number_of_a_vban_packet_begins_anew_after_32_bits() -> None:
    encoder = VbanEncoder("x", 48_000)
    assert read_vban(encoder.packet(2**32 - 1, NOISE)).number == 2**32 - 1
    assert read_vban(encoder.packet(2**32, NOISE)).number == 0


def test_reastream_is_read_to_the_bit() -> None:
    encoder = ReaStreamEncoder("n" * 31, 37_123)
    heard = read_reastream(encoder.packet(0, NOISE[: encoder.frames]))
    assert (heard.name, heard.rate) == ("n" * 31, 37_123)
    assert np.array_equal(heard.audio, NOISE[: encoder.frames])


@pytest.mark.parametrize("name", ["", "ünlaut", "a\nb", "n" * 16])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadValue, match="1 to 15 printable ASCII characters"):
        VbanEncoder(name, 48_000)


def test_a_rate_that_vban_cannot_say_is_refused_with_those_it_can() -> None:
    with pytest.raises(BadValue, match=r"--rate 47000; it does 8000, .* 48000, .* 192000$"):
        VbanEncoder("x", 47_000)
