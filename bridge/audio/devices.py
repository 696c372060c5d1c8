"""Which device `--output` means: by index, by name, the default, or none at all.

Threading: any thread; see `bridge.audio.portaudio`.
"""

from __future__ import annotations

from bridge.audio.device import DeviceOutput
from bridge.audio.jack.output import JackOutput
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError, Output
from bridge.audio.portaudio import Device, devices
from engine.errors import BadValue

__all__ = ["Device", "find_device", "list_devices", "open_output"]


def list_devices() -> list[Device]:
    """All devices that can play. Raises DeviceError, with the remedy, without PortAudio."""
    return devices()


def open_output(name: str, rate: int, block: int, decks: int = 4) -> Output:
    """The output that `name` stands for, not started yet.

    `null`, `jack` (ports for each deck), `default`, an index, or a part of a device's name. Raises
    BadValue if no device or more than one is meant, and DeviceError if it cannot be opened so.
    """
    if name.lower() == "null":
        return NullOutput(rate, block)
    if name.lower() == "jack":
        return JackOutput(rate, decks)
    return DeviceOutput(find_device(name, list_devices()), rate, block)


def find_device(name: str, among: list[Device]) -> Device:
    """The one device that is meant: all words of `name` occur in its name and driver."""
    if not among:
        raise DeviceError(
            "no sound device that can play: plug one in, start JACK or PipeWire,"
            " or play without one: `--output null`"
        )
    if name.lower() == "default":
        return next((device for device in among if device.default), among[0])
    exact = [device for device in among if name == str(device.index)]
    exact = exact or [device for device in among if name.lower() == device.name.lower()]
    matches = exact or [device for device in among if _matches(name, device)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadValue(
            f"output {name!r} could be any of {_names(matches)}: give its number, or more of it"
        )
    raise BadValue(f"no output {name!r}; there are null, jack, default, {_names(among)}")


def _matches(name: str, device: Device) -> bool:
    full = f"{device.name} {device.hostapi}".lower()
    words = name.lower().split()
    return bool(words) and all(word in full for word in words)


def _names(some: list[Device]) -> str:
    return ", ".join(f"{each.index} {each.name!r} ({each.hostapi})" for each in some)
