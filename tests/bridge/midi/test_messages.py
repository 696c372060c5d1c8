from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi.messages import Control, Key, Realtime, decode

BYTE = st.integers(0, 127)
CHANNEL = st.integers(0, 15)


@given(CHANNEL, BYTE, st.integers(1, 127))
def test_notes_agree_with_mido(channel: int, note: int, velocity: int) -> None:
    data = mido.Message("note_on", channel=channel, note=note, velocity=velocity).bytes()
    assert decode(data, "pad") == Control(Key("pad", channel + 1, "note", note), velocity / 127)


@given(CHANNEL, BYTE, BYTE)
def test_controllers_agree_with_mido(channel: int, number: int, value: int) -> None:
    data = mido.Message("control_change", channel=channel, control=number, value=value).bytes()
    assert decode(data, "pad") == Control(Key("pad", channel + 1, "cc", number), value / 127)


@given(CHANNEL, BYTE)
def test_programs_agree_with_mido(channel: int, program: int) -> None:
    data = mido.Message("program_change", channel=channel, program=program).bytes()
    assert decode(data, "pad") == Control(Key("pad", channel + 1, "program", program), 1.0)


@given(CHANNEL, st.integers(-8192, 8191))
def test_the_wheel_agrees_with_mido(channel: int, pitch: int) -> None:
    data = mido.Message("pitchwheel", channel=channel, pitch=pitch).bytes()
    assert decode(data, "pad") == Control(
        Key("pad", channel + 1, "pitch", 0), (pitch + 8192) / 16383
    )


@given(st.integers(0, 16383))
def test_song_position_agrees_with_mido(sixteenths: int) -> None:
    data = mido.Message("songpos", pos=sixteenths).bytes()
    assert decode(data, "pad") == Realtime("position", "pad", sixteenths)


@pytest.mark.parametrize("pulse", ["clock", "start", "continue", "stop"])
def test_transport_agrees_with_mido(pulse: str) -> None:
    message = decode(mido.Message(pulse).bytes(), "pad")
    assert isinstance(message, Realtime)
    assert message.pulse == pulse


def test_a_key_let_go_is_nothing() -> None:
    assert decode([0x80, 36, 64], "pad") is None
    assert decode([0x90, 36, 0], "pad") is None


@pytest.mark.parametrize(
    "data",
    [[], [36], [0x90], [0x90, 36], [0x90, 36, 64, 1], [0x90, 36, 200], [0xB0, 300, 1], [0xF8, 1],
     [0xF2, 1], [0xF0, 1, 2, 0xF7], [0xFE], [0xFF], [0xA0, 36, 64], [0xD0, 64], [-1], [1000]],
)  # fmt: skip
def test_what_is_no_use_is_nothing(data: list[int]) -> None:
    assert decode(data, "pad") is None


@given(st.lists(st.integers(-10, 300), max_size=12))
def test_any_numbers_decode_or_do_not(data: list[int]) -> None:
    message = decode(data, "pad")
    assert message is None or message == decode(data, "pad")


def test_a_key_tells_its_name() -> None:
    assert str(Key("nano", 2, "cc", 21)) == "CC 21 on channel 2 of nano"
    assert str(Key("nano", 1, "pitch", 0)) == "pitch wheel on channel 1 of nano"
