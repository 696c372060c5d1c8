import importlib
from typing import Any

import pytest

from bridge.audio import portaudio
from bridge.audio.devices import find_device, list_devices, open_output
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError
from bridge.audio.portaudio import Device
from bridge.audio.thread import raise_priority
from engine.errors import BadValue


def device(index: int, name: str, hostapi: str, *, default: bool = False) -> Device:
    return Device(index, name, hostapi, 2, 48_000, default, 0.01)


BOX = [
    device(0, "Speakers (USB Audio)", "MME"),
    device(3, "Speakers (USB Audio)", "Windows WASAPI", default=True),
    device(4, "HDMI", "MME"),
    device(7, "Scarlett 2i2", "ASIO"),
    device(9, "Scarlett 2i2 monitor", "ASIO"),
]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("default", 3),
        ("Default", 3),
        ("7", 7),
        ("hdmi", 4),
        ("usb wasapi", 3),
        ("SPEAKERS mme", 0),
        ("scarlett 2i2", 7),  # the whole name beats being part of another
        ("monitor", 9),
    ],
)
def test_a_device_is_found_by_number_and_by_part_of_its_name(name: str, index: int) -> None:
    assert find_device(name, BOX).index == index


def test_an_ambiguous_name_is_answered_with_the_choice() -> None:
    with pytest.raises(BadValue, match=r"'speakers' could be any of 0 'Speakers .*, 3 'Speakers"):
        find_device("speakers", BOX)


@pytest.mark.parametrize("name", ["", "  ", "5", "nothing", "-1"])
def test_an_unknown_name_is_answered_with_all_there_are(name: str) -> None:
    there = r"there are null, jack, default, 0 .* 9 'Scarlett 2i2 monitor'"
    with pytest.raises(BadValue, match=there):
        find_device(name, BOX)


def test_without_any_device_the_remedy_is_named() -> None:
    with pytest.raises(DeviceError, match="--output null"):
        find_device("default", [])


def test_without_a_default_the_first_is_taken() -> None:
    assert find_device("default", BOX[2:]).index == 4


def test_null_needs_no_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "devices", lambda: pytest.fail("looked for devices"))
    output = open_output("NULL", 44_100, 128)
    assert isinstance(output, NullOutput)
    assert (output.rate, output.block) == (44_100, 128)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
        (ModuleNotFoundError("no", name="rtmixer"), "pip install rtmixer"),
    ],
)
def test_without_portaudio_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception, remedy: str
) -> None:
    def refuse(name: str) -> Any:
        raise error

    monkeypatch.setattr(portaudio, "_sounddevice", None)
    monkeypatch.setattr(importlib, "import_module", refuse)
    for attempt in (list_devices, lambda: open_output("default", 48_000, 256)):
        with pytest.raises(DeviceError, match=remedy) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_raising_the_priority_says_what_it_got() -> None:
    # In a thread of its own: the test's must stay as it is.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        word = pool.submit(raise_priority).result()
    assert word in {"real-time", "time-critical", "interactive", "normal"}
