"""The machine's MIDI systems, through python-rtmidi: ALSA, JACK, CoreMIDI, Windows.

Threading: everything here belongs to the MIDI thread, save what JACK's library calls when its
server dies, from a thread of its own.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from bridge.midi.ports import LIGHTS_OUT, VIRTUAL, Connect, Input, System
from bridge.midi.sending import Output, RtMidiOutput

_ALSA_SEQUENCER = Path("/dev/snd/seq")
_JACK_NO_START_SERVER = 1
_REMEDIES = {
    "JACK": "no server is running (start jackd; it is looked for again)",
    "CoreMIDI": "it does not answer (restart the Mac's MIDI server)",
}


def connect_all() -> dict[str, Connect]:
    """How to connect to each MIDI system that python-rtmidi was built for."""
    # JACK's library would start a server of its own where none runs.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        import rtmidi
    except ImportError as error:
        reason = f"python-rtmidi does not load ({error}): pip install python-rtmidi"
        return {"rtmidi": partial(_missing, reason)}
    return {name: partial(_connect, rtmidi, api, name) for api, name in _names(rtmidi).items()}


def reachable(rtmidi: Any) -> Iterator[tuple[int, str]]:
    """The MIDI systems that answer, each by its number for `rtmidi` and its name."""
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    for api, name in _names(rtmidi).items():
        try:
            _find(rtmidi, name)
        except OSError:
            continue
        yield api, name


def _names(rtmidi: Any) -> dict[int, str]:
    names = {
        rtmidi.API_LINUX_ALSA: "ALSA",
        rtmidi.API_UNIX_JACK: "JACK",
        rtmidi.API_MACOSX_CORE: "CoreMIDI",
        rtmidi.API_WINDOWS_MM: "Windows",
    }
    return {api: names[api] for api in rtmidi.get_compiled_api() if api in names}


def _missing(reason: str) -> System:
    raise OSError(reason)


def _connect(rtmidi: Any, api: int, name: str) -> System:
    _find(rtmidi, name)
    try:
        return _RtMidi(rtmidi, api, name)
    except rtmidi.RtMidiError as error:
        raise OSError(_REMEDIES.get(name, str(error))) from error


def _find(rtmidi: Any, name: str) -> None:
    """Raises OSError with the reason and the remedy where that system is not there."""
    if name == "ALSA" and not _ALSA_SEQUENCER.exists():
        # Asking ALSA for it would print to stderr before it fails.
        raise OSError(f"{_ALSA_SEQUENCER} is missing (modprobe snd-seq)")
    if name == "JACK":
        library = ctypes.CDLL(rtmidi._rtmidi.__file__)
        _listen_to_jack(library)
        if hasattr(library, "jack_client_open") and not _jack_answers(library):
            raise OSError(_REMEDIES["JACK"])


_jack_lost = threading.Event()


def _jack_says(message: bytes) -> None:
    if b"annot read socket" in message:
        _jack_lost.set()


_JACK_SAYS = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(_jack_says)
"""What JACK's library calls instead of printing to stderr. That it cannot read its socket is the
one sign of a server that has died: its lists of ports stay as they were. Kept here for as long as
the library may call it."""


def _listen_to_jack(library: ctypes.CDLL) -> None:
    # The symbols are those of the library that rtmidi itself is linked with, often a copy of its
    # own, so that other users of JACK in this process keep their messages.
    _jack_lost.clear()
    for setter in ("jack_set_error_function", "jack_set_info_function"):
        if hasattr(library, setter):
            getattr(library, setter)(_JACK_SAYS)


def _jack_answers(library: ctypes.CDLL) -> bool:
    """Whether a server runs: looked for again and again, for up to 10 ms each time.

    ctypes lets other threads run meanwhile. rtmidi would not, and the sound waits for one of them.
    """
    library.jack_client_open.restype = ctypes.c_void_p
    library.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    library.jack_client_close.argtypes = [ctypes.c_void_p]
    client = library.jack_client_open(VIRTUAL.encode(), _JACK_NO_START_SERVER, None)
    if client:
        library.jack_client_close(client)
    return bool(client)


class _RtMidiInput:
    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> tuple[Sequence[int], float] | None:
        message: tuple[list[int], float] | None = self._port.get_message()
        return message

    def close(self) -> None:
        self._port.close_port()
        # Only deleting closes the client, which the system would go on showing.
        self._port.delete()


class _RtMidi:
    """One MIDI system. One object lists its ports again and again, and is also our own input;
    another lists those to send to, once they are asked for."""

    def __init__(self, rtmidi: Any, api: int, name: str) -> None:
        self._rtmidi = rtmidi
        self._api = api
        self._name = name
        self._own = self._new()
        self._lister: Any = None

    def _new(self) -> Any:
        port = self._rtmidi.MidiIn(self._api, VIRTUAL)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        return port

    def sources(self) -> list[str]:
        return self._names(self._own)

    def destinations(self) -> list[str]:
        if self._lister is None:
            self._lister = self._rtmidi.MidiOut(self._api, LIGHTS_OUT)
        return self._names(self._lister)

    def _names(self, lister: Any) -> list[str]:
        # Every client must go before a new one comes: JACK's library frees those of a dead server
        # then, and would free them again.
        if self._name == "JACK" and _jack_lost.is_set():
            raise OSError("the server has stopped")
        names: list[str] = []
        with suppress(self._rtmidi.InvalidPortError):  # one went meanwhile: the next look tells
            for index in range(lister.get_port_count()):
                names.append(_port_name(lister, index))
        return names

    def label(self, source: str) -> str:
        return stable_name(source, self._name)

    def open(self, index: int, source: str) -> Input:
        return _RtMidiInput(self._opened(self._new(), index, source))

    def open_output(self, index: int, destination: str) -> Output:
        port = self._opened(self._rtmidi.MidiOut(self._api, LIGHTS_OUT), index, destination)
        return RtMidiOutput(self._rtmidi, port, self.label(destination))

    def _opened(self, port: Any, index: int, name: str) -> Any:
        try:
            if _port_name(port, index) != name:
                raise OSError("it went while it was opened")
            port.open_port(index, self.label(name))
        except (OSError, self._rtmidi.RtMidiError) as error:
            port.delete()
            raise OSError(str(error)) from error
        return port

    def open_virtual(self) -> Input | None:
        own: Input | None = None
        if sys.platform != "win32":
            self._own.open_virtual_port(VIRTUAL)
            own = _Own(self._own)
        return own

    def close(self) -> None:
        if self._lister is not None:
            self._lister.delete()
        self._own.delete()


def _port_name(port: Any, index: int) -> str:
    # By itself python-rtmidi takes names to be Latin on Windows and Roman on a Mac, as they once
    # were.
    return port.get_port_name(index, encoding="utf-8") or ""


class _Own(_RtMidiInput):
    def close(self) -> None:
        """It closes with its system, whose ports it also lists."""


def stable_name(source: str, system: str) -> str:
    """A port's name without its number: ALSA ends names in client and port (` 20:0`) and Windows
    in the place in the list (` 1`), both of which change from one day to the next."""
    volatile = {"ALSA": r"\s+\d+:\d+$", "Windows": r"\s+\d+$"}.get(system)
    return re.sub(volatile, "", source) if volatile else source
