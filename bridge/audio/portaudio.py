"""PortAudio, loaded only when a device is asked for: devices, opening, and closing for good.

Threading: any thread. A lock keeps PortAudio's own start and end apart from opening and closing,
which PortAudio does not do itself. Opening takes tens of milliseconds and more: a thread that
has music to keep up with lets another one open.

PortAudio runs only during a look at the devices and while a stream is open. It sees the devices
that are there when it starts, so each look is a fresh one; and it is a client of the JACK server
all the while it runs. When that server ends, closing a stream on it hangs for ten minutes and
ending PortAudio aborts the process. So a stream whose device has gone is closed on a thread that
nobody waits for, and PortAudio is left running if any stream is open or if JACK has gone.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridge.audio.output import DeviceError

RATES = (22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
"""Tried, to tell a user which rates a device knows."""

_JACK = "JACK Audio Connection Kit"
_CLIENT_NAME = b"sideman"  # PortAudio keeps the pointer, so it must live as long

_lock = threading.RLock()
_open: dict[int, Any] = {}  # every mixer that is not closed yet
_dying: set[int] = set()  # those whose device has gone
_sounddevice: Any = None


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device that can play."""

    index: int
    name: str
    hostapi: str
    max_output_channels: int
    default_rate: int
    default: bool
    low_latency_s: float

    @property
    def decides_block(self) -> bool:
        """Whether the block is the device's to choose: JACK has one period for all."""
        return self.hostapi == _JACK


def devices() -> list[Device]:
    """All devices that can play, as of now. Raises DeviceError without PortAudio."""
    with _portaudio() as sd:
        return _devices(sd)


def _devices(sd: Any) -> list[Device]:
    apis = sd.query_hostapis()
    default = sd.default.device[1]
    return [
        Device(
            index=index,
            name=info["name"],
            hostapi=apis[info["hostapi"]]["name"],
            max_output_channels=info["max_output_channels"],
            default_rate=round(info["default_samplerate"]),
            default=index == default,
            low_latency_s=info["default_low_output_latency"],
        )
        for index, info in enumerate(sd.query_devices())
        if info["max_output_channels"] > 0
    ]


def open_mixer(device: Device, rate: int, block: int) -> Any:
    """A stopped `rtmixer.Mixer` with at most 2 channels.

    Raises DeviceError naming the rates that work, or why nothing does.
    """
    with _portaudio() as sd:
        try:
            with _quiet():
                mixer = importlib.import_module("rtmixer").Mixer(
                    device=device.index,
                    channels=min(2, device.max_output_channels),
                    samplerate=rate,
                    blocksize=0 if device.decides_block else block,
                    latency="low",
                )
        except sd.PortAudioError as error:
            raise DeviceError(_why(sd, device, rate, block, error)) from error
        _open[id(mixer)] = mixer
        return mixer


def close_mixer(mixer: Any, *, dead: bool) -> None:
    """Stop it and give the device back; a dead one on a thread of its own."""
    if dead:
        _dying.add(id(mixer))
        threading.Thread(target=_close, args=(mixer,), name="close device", daemon=True).start()
    else:
        with _portaudio():
            _close(mixer)


def _close(mixer: Any) -> None:
    with contextlib.suppress(_sounddevice.PortAudioError):
        mixer.abort()
        mixer.close()
    _open.pop(id(mixer), None)
    _dying.discard(id(mixer))


def _why(sd: Any, device: Device, rate: int, block: int, error: Exception) -> str:
    """One line: why a device did not open, and what to do."""
    if not _jack_is_well(sd):
        return (
            f"cannot open {device.name!r}: the JACK server has ended under PortAudio, which does"
            " not get over that; start sideman again"
        )
    works = [each for each in RATES if each != rate and _takes(sd, device, each)]
    if works and not _takes(sd, device, rate):
        rates = ", ".join(str(each) for each in works)
        return f"{device.name!r} does not play at {rate} samples per second; it does at {rates}"
    reason = str(error.args[0] if error.args else error)
    return (
        f"cannot open {device.name!r} at {rate} samples per second in blocks of {block}: {reason};"
        " is another program using it? `sideman devices` lists the others"
    )


def _takes(sd: Any, device: Device, rate: int) -> bool:
    channels = min(2, device.max_output_channels)
    try:
        with _quiet():
            sd.check_output_settings(
                device=device.index, channels=channels, dtype="float32", samplerate=rate
            )
    except sd.PortAudioError:
        return False
    return True


@contextlib.contextmanager
def _portaudio() -> Iterator[Any]:
    """The sounddevice module with PortAudio running, and ended afterwards if it can be."""
    with _lock:
        sd = _load()
        if not sd._initialized:
            sd._initialize()
        try:
            yield sd
        finally:
            _end_if_idle(sd)


def _load() -> Any:
    global _sounddevice
    if _sounddevice is None:
        _name_jack_client()
        try:
            sd = importlib.import_module("sounddevice")
            importlib.import_module("rtmixer")
        except OSError as error:
            raise DeviceError(
                "no PortAudio library, so no sound: on Debian and Ubuntu"
                " `sudo apt install libportaudio2`; or play without a device: `--output null`"
            ) from error
        except ImportError as error:
            raise DeviceError(
                f"{error.name} is not installed, so no sound: `pip install {error.name}`;"
                " or play without a device: `--output null`"
            ) from error
        atexit.unregister(sd._exit_handler)
        atexit.register(_at_exit)
        _sounddevice = sd
    return _sounddevice


def _name_jack_client() -> None:
    """Show up as "sideman" among JACK's clients. Must come before PortAudio starts."""
    # Only Linux's builds know JACK, and not all of those.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libportaudio.so.2").PaJack_SetClientName(_CLIENT_NAME)


def _end_if_idle(sd: Any) -> None:
    if not _open and sd._initialized and _jack_is_well(sd):
        sd._terminate()


def _jack_is_well(sd: Any) -> bool:
    """Whether PortAudio's JACK server, if it found one when it started, still answers."""
    for device in _devices(sd):
        if device.decides_block:
            try:
                with _quiet():
                    sd.RawOutputStream(device=device.index, channels=1, dtype="float32").close()
            except sd.PortAudioError:
                return False
            return True
    return True


def _at_exit() -> None:
    with _lock:
        for key, mixer in list(_open.items()):
            if key not in _dying and mixer.active:
                _close(mixer)
        _end_if_idle(_sounddevice)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what ALSA and JACK print about devices they cannot have off the user's terminal."""
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all, as under pythonw
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
